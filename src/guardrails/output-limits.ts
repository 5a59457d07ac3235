import { type KeyLimits, type OutputLimits } from '../kernel/snapshot.js';
import { isHighSurrogate, isLowSurrogate } from './code-point.js';

/** The bounds of one answer: the model's over the global ones; tokens never above what the key may ask for. */
export function outputLimitsFor(global: OutputLimits, model: OutputLimits, key: KeyLimits): OutputLimits {
  return {
    maxCharacters: model.maxCharacters ?? global.maxCharacters,
    maxTokens: smaller(model.maxTokens ?? global.maxTokens, key.maxTokensPerRequest),
  };
}

/** The cap to write upstream: the caller's own where it is lower; undefined = none. */
export function upstreamTokenCap(limits: OutputLimits, requested: number | undefined): number | undefined {
  return smaller(limits.maxTokens, requested);
}

/**
 * Enforces the bounds on one choice, all its text fields together. Characters are code points.
 * Tokens are counted as deltas with text: an upstream that honours its cap never sends more of them.
 */
export class OutputLimiter {
  /** The bound was passed: nothing more may leave. */
  reached = false;
  #characters: number;
  #deltas: number;
  /** What left last was the first half of a surrogate pair. */
  #half = false;

  constructor({ maxCharacters, maxTokens }: OutputLimits) {
    this.#characters = maxCharacters ?? Number.POSITIVE_INFINITY;
    this.#deltas = maxTokens ?? Number.POSITIVE_INFINITY;
  }

  /** Counts one upstream delta with text; false where it is one too many. */
  countDelta(): boolean {
    if (this.#deltas === 0) this.reached = true;
    else this.#deltas--;
    return !this.reached;
  }

  /** What of a text may leave: all of it, or its beginning up to the bound, never half a code point. */
  cut(text: string): string {
    if (this.reached) return '';
    if (this.#characters === Number.POSITIVE_INFINITY || text === '') return text;
    let at = 0;
    for (; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      const second = this.#half && isLowSurrogate(unit);
      if (!second && this.#characters === 0) {
        this.reached = true;
        break;
      }
      if (!second) this.#characters--;
      this.#half = !second && isHighSurrogate(unit);
    }
    return at === text.length ? text : text.slice(0, at);
  }
}

function smaller(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.min(one, other);
}
