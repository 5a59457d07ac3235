import { type Clock } from '../kernel/clock.js';

const FACTOR = 0.9;
const INTERVAL_MS = 1_000;

/**
 * The decrease that every adaptive limit shares: 0.9 of what was truly in use, at most once per second,
 * because a whole flight of refusals is one piece of news.
 */
export class OverloadDecrease {
  #lastAt = -Infinity;

  constructor(private readonly clock: Clock) {}

  /** The limit after an overload answer. */
  apply(limit: number, inFlight: number, min: number): number {
    const now = this.clock.now();
    if (now - this.#lastAt < INTERVAL_MS) return limit;
    this.#lastAt = now;
    return Math.max(min, Math.floor(FACTOR * Math.min(limit, inFlight)));
  }

  /** Was there a decrease within the last second? */
  isRecent(now: number): boolean {
    return now - this.#lastAt < INTERVAL_MS;
  }
}
