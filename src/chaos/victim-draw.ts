/** Draws victims by a seeded generator (mulberry32): the same seed hits the same requests of a run. */
export class VictimDraw {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Is the next request a victim? `percentage` from 0 to 100. */
  hits(percentage: number): boolean {
    return this.uniform() * 100 < percentage;
  }

  /** Uniform in [0, 1). */
  uniform(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** Normal with mean 0 and deviation 1 (Box-Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }
}
