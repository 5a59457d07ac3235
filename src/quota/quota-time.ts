import { type Clock } from '../kernel/clock.js';

/**
 * Wall time in µs that never goes back: where the clock is set back, time goes on from where it stood,
 * so that limits neither freeze nor refill twice.
 */
export class QuotaTime {
  #last = 0;
  #offset = 0;

  constructor(private readonly clock: Clock) {}

  nowUs(): number {
    const wall = Math.round(this.clock.wall() * 1000);
    if (wall + this.#offset < this.#last) this.#offset = this.#last - wall;
    this.#last = wall + this.#offset;
    return this.#last;
  }
}
