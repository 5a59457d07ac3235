import { type Usage } from '../../kernel/upstream.js';

const FIELDS = ['input_tokens', 'cache_read_input_tokens', 'cache_creation_input_tokens', 'output_tokens'] as const;

/**
 * The counts of one Message. A stream gives the prompt's at its start and cumulative ones at its end, where
 * fields that are absent or null keep what was said before: nothing is added up.
 */
export class MessageUsage {
  readonly #counts = new Map<(typeof FIELDS)[number], number>();

  read(usage: unknown): void {
    if (typeof usage !== 'object' || usage === null) return;
    for (const field of FIELDS) {
      const count = (usage as Record<string, unknown>)[field];
      if (typeof count === 'number') this.#counts.set(field, count);
    }
  }

  /** undefined where the upstream told less than the charge needs. The prompt includes what came from or went to the cache. */
  total(): Usage | undefined {
    const input = this.#counts.get('input_tokens');
    const completionTokens = this.#counts.get('output_tokens');
    if (input === undefined || completionTokens === undefined) return undefined;
    const cachedTokens = this.#counts.get('cache_read_input_tokens') ?? 0;
    const created = this.#counts.get('cache_creation_input_tokens') ?? 0;
    return { promptTokens: input + cachedTokens + created, completionTokens, cachedTokens };
  }

  /** As OpenAI's usage object. */
  toOpenAi(): Readonly<Record<string, unknown>> | undefined {
    const total = this.total();
    return (
      total && {
        prompt_tokens: total.promptTokens,
        completion_tokens: total.completionTokens,
        total_tokens: total.promptTokens + total.completionTokens,
        prompt_tokens_details: { cached_tokens: total.cachedTokens },
      }
    );
  }
}
