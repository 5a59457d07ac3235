import { type Clock } from '../kernel/clock.js';

const INTERVAL_MS = 1_000;

/** What the all-open policy must know of a breaker. */
interface Opened {
  readonly openedAt: number;
}

/**
 * All-open policy of one model: where breakers alone shut every target, one request per second goes to
 * the one opened least recently instead of being refused.
 */
export class PanicGate {
  #nextAt = -Infinity;

  constructor(private readonly clock: Clock) {}

  /** The candidate to force a probe on, or undefined while this second's request has gone. */
  choose<T extends Opened>(breakers: readonly T[]): T | undefined {
    const now = this.clock.now();
    if (now < this.#nextAt) return undefined;
    let chosen: T | undefined;
    for (const breaker of breakers) if (!chosen || breaker.openedAt < chosen.openedAt) chosen = breaker;
    if (chosen) this.#nextAt = now + INTERVAL_MS;
    return chosen;
  }
}
