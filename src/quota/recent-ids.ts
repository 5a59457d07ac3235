/** The last `keep` ids, in a ring. */
export class RecentIds {
  readonly #ids: string[] = [];
  #oldest = 0;

  constructor(private readonly keep: number) {}

  /** @returns the id that falls out for it, once there are so many */
  add(id: string): string | undefined {
    if (this.#ids.length < this.keep) {
      this.#ids.push(id);
      return undefined;
    }
    const forgotten = this.#ids[this.#oldest];
    this.#ids[this.#oldest] = id;
    this.#oldest = (this.#oldest + 1) % this.keep;
    return forgotten;
  }
}
