import { type ChatRequest } from '../kernel/openai.js';
import { type Model, type Principal } from '../kernel/snapshot.js';

/**
 * The output cap to write upstream, tokens per choice: the caller's own, held to what the model and the key allow.
 * @returns undefined where neither the caller nor the configuration sets one
 */
export function outputCap(request: ChatRequest, model: Model, principal: Principal): number | undefined {
  const { maxTokensPerRequest } = principal.limits;
  const cap = Math.min(
    request.maxTokens ?? Infinity,
    maxTokensPerRequest ?? Infinity,
    model.output.maxTokens ?? Infinity,
    request.maxTokens === undefined ? Infinity : (model.maxOutputTokens ?? Infinity),
  );
  return cap === Infinity ? undefined : cap;
}
