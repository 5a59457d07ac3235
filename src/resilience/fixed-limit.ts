import { type Clock } from '../kernel/clock.js';
import { type LimitAlgorithm, type LimitBounds } from './limiter.js';

const WINDOW_MS = 1_000;

/** A limit that the operator knows (`initial`). After a cool-down it starts at half and regains one per second. */
export class FixedLimit implements LimitAlgorithm {
  #configured: number;
  #from: number;
  #fromAt = -Infinity;

  constructor(
    private readonly clock: Clock,
    bounds: LimitBounds,
  ) {
    this.#configured = bounds.initial;
    this.#from = bounds.initial;
  }

  get limit(): number {
    if (this.#from >= this.#configured) return this.#configured;
    const regained = this.#from + Math.floor((this.clock.now() - this.#fromAt) / WINDOW_MS);
    if (regained >= this.#configured) this.#from = this.#configured;
    return Math.min(this.#configured, regained);
  }

  started(): void {
    // A fixed limit learns nothing.
  }

  firstToken(): void {
    // A fixed limit learns nothing.
  }

  overloaded(): void {
    // A fixed limit learns nothing; the cool-down holds the target back.
  }

  coolDownEnded(): void {
    this.#from = Math.max(1, Math.floor(this.limit / 2));
    this.#fromAt = this.clock.now();
  }

  configure(bounds: LimitBounds): void {
    const wasWhole = this.#from >= this.#configured;
    this.#configured = bounds.initial;
    if (wasWhole) this.#from = bounds.initial;
  }
}
