import { type ChatRequest } from '../kernel/openai.js';
import { type RequestContext } from '../kernel/request-context.js';
import { type Model } from '../kernel/snapshot.js';

/**
 * The output cap to write upstream, tokens per choice: the caller's own, held to what the configuration, the model
 * and the key allow, and under load the brown-out.
 * @returns undefined where neither the caller nor the configuration sets one
 */
export function outputCap(ctx: RequestContext, request: ChatRequest, model: Model): number | undefined {
  const cap = Math.min(
    request.maxTokens ?? Infinity,
    ctx.principal.limits.maxTokensPerRequest ?? Infinity,
    model.output.maxTokens ?? ctx.snapshot.guardrails.output.maxTokens ?? Infinity,
    ctx.degradedMaxTokens ?? Infinity,
    request.maxTokens === undefined ? Infinity : (model.maxOutputTokens ?? Infinity),
  );
  return cap === Infinity ? undefined : cap;
}
