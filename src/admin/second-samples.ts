const CAPACITY = 512;

/** The latest 512 measurements of one second, ms: bounded, and without an allocation per measurement. */
export class SecondSamples {
  readonly #values = new Float64Array(CAPACITY);
  #count = 0;

  add(ms: number): void {
    this.#values[this.#count++ % CAPACITY] = ms;
  }

  /** Rounded to a hundredth; null without measurements. Brings the values in order: for a second that is over. */
  quantile(share: number): number | null {
    const held = this.#values.subarray(0, Math.min(this.#count, CAPACITY)).sort();
    const value = held[Math.min(held.length - 1, Math.floor(held.length * share))];
    return value === undefined ? null : Math.round(value * 100) / 100;
  }

  clear(): void {
    this.#count = 0;
  }
}
