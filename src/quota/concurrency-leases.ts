/**
 * Requests in flight of one key, each counted until its lease ends. All leases have one length and time does not
 * go back, so insertion order is the order of their ends, and what ended is found at the front.
 */
export class ConcurrencyLeases {
  readonly #ends = new Map<string, number>();

  /** Requests whose lease still runs. */
  count(nowUs: number): number {
    for (const [id, endUs] of this.#ends) {
      if (endUs > nowUs) break;
      this.#ends.delete(id);
    }
    return this.#ends.size;
  }

  /** Takes a slot, or moves its end. */
  hold(id: string, endUs: number): void {
    this.#ends.delete(id);
    this.#ends.set(id, endUs);
  }

  free(id: string): void {
    this.#ends.delete(id);
  }
}
