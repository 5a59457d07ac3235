import { type Usage } from '../../kernel/upstream.js';

/** The usage object of a chunk or answer, if it is one. Numbers are taken as they come: the ledger checks them. */
export function readUsage(value: unknown): Usage | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { prompt_tokens, completion_tokens, prompt_tokens_details } = value as Record<string, unknown>;
  const details = prompt_tokens_details as { cached_tokens?: unknown } | null | undefined;
  return {
    promptTokens: numeric(prompt_tokens),
    completionTokens: numeric(completion_tokens),
    cachedTokens: details?.cached_tokens === undefined ? 0 : numeric(details.cached_tokens),
  };
}

/** NaN marks what is no number: the ledger replaces it by its estimate. */
function numeric(value: unknown): number {
  return typeof value === 'number' ? value : Number.NaN;
}

/** The sum of two choices' usage, for engines that report one per choice: the prompt counts once. */
export function addUsage(sum: Usage | undefined, next: Usage): Usage {
  if (!sum) return next;
  return {
    promptTokens: Math.max(sum.promptTokens, next.promptTokens),
    completionTokens: sum.completionTokens + next.completionTokens,
    cachedTokens: Math.max(sum.cachedTokens, next.cachedTokens),
  };
}
