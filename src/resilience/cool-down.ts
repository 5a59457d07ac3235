import { type Clock } from '../kernel/clock.js';
import { type AnswerHeaders, parseRetryAfter } from './retry-after.js';

const MIN_MS = 50;
const MAX_MS = 60_000;
const BLIND_MS = 1_000;
const MAX_BLIND_MS = 30_000;

/** The scope of a cool-down: a 429 says something about one credential at one model of one provider. */
export function coolDownScope(provider: string, model: string, upstreamKey: string): string {
  return `${provider}\n${model}\n${upstreamKey}`;
}

/**
 * The pause after a throttle answer. While it cools the target is excluded, probes included.
 * A later, shorter request for a pause never shortens a running one.
 */
export class CoolDown {
  #until = -Infinity;
  /** Pauses in a row for which the upstream gave no usable length. */
  #blind = 0;
  #endSeen = true;

  constructor(private readonly clock: Clock) {}

  isCooling(): boolean {
    return this.clock.now() < this.#until;
  }

  /** Time left, ms; 0 when not cooling. */
  remainingMs(): number {
    return Math.max(0, this.#until - this.clock.now());
  }

  /**
   * Starts or prolongs the pause that a throttle answer asks for, clamped to [50 ms, 60 s]. Without a usable length:
   * 1 s, doubling to 30 s, once per pause however many answers in flight say so.
   * Returns the time left, ms; 0 where the answer asks for none (zero, or a date in the past).
   */
  throttled(headers: AnswerHeaders): number {
    const asked = parseRetryAfter(headers, this.clock.wall());
    if (typeof asked === 'number') {
      if (asked > 0) this.#extend(Math.min(MAX_MS, Math.max(MIN_MS, asked)));
    } else if (!this.isCooling()) {
      this.#extend(Math.min(MAX_BLIND_MS, BLIND_MS * 2 ** this.#blind++));
    }
    return this.remainingMs();
  }

  /** A complete answer: the next blind pause is short again. */
  succeeded(): void {
    this.#blind = 0;
  }

  /** True once after each pause: the moment to start again with half the limit. */
  takeEnd(): boolean {
    if (this.#endSeen || this.isCooling()) return false;
    this.#endSeen = true;
    return true;
  }

  #extend(ms: number): void {
    this.#until = Math.max(this.#until, this.clock.now() + ms);
    this.#endSeen = false;
  }
}
