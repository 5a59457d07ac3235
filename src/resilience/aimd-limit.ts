import { type Clock } from '../kernel/clock.js';
import { type LimitAlgorithm, type LimitBounds } from './limiter.js';
import { OverloadDecrease } from './overload-decrease.js';

const WINDOW_MS = 1_000;

/**
 * AIMD on overload answers alone, for hosted upstreams whose latency says nothing about our load:
 * 0.9x on overload, +1 per second in which at least half was used and nobody complained.
 */
export class AimdLimit implements LimitAlgorithm {
  #limit: number;
  #bounds: LimitBounds;
  #windowEnd: number;
  #peak = 0;
  readonly #decrease: OverloadDecrease;

  constructor(
    private readonly clock: Clock,
    bounds: LimitBounds,
  ) {
    this.#bounds = bounds;
    this.#limit = Math.min(bounds.max, Math.max(bounds.min, bounds.initial));
    this.#windowEnd = clock.now() + WINDOW_MS;
    this.#decrease = new OverloadDecrease(clock);
  }

  get limit(): number {
    return this.#limit;
  }

  started(inFlight: number): void {
    const now = this.clock.now();
    if (now >= this.#windowEnd) {
      const used = this.#peak * 2 >= this.#limit;
      if (used && !this.#decrease.isRecent(now) && this.#limit < this.#bounds.max) this.#limit++;
      this.#windowEnd = now + WINDOW_MS;
      this.#peak = 0;
    }
    if (inFlight > this.#peak) this.#peak = inFlight;
  }

  firstToken(): void {
    // Latency plays no part.
  }

  overloaded(inFlight: number): void {
    this.#limit = this.#decrease.apply(this.#limit, inFlight, this.#bounds.min);
  }

  coolDownEnded(): void {
    this.#limit = Math.max(this.#bounds.min, Math.floor(this.#limit / 2));
  }

  configure(bounds: LimitBounds): void {
    this.#bounds = bounds;
    this.#limit = Math.min(bounds.max, Math.max(bounds.min, this.#limit));
  }
}
