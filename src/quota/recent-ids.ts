import { IdTable } from './id-table.js';

/** Remembers the last `keep` ids that were added. */
export class RecentIds {
  readonly #ids = new IdTable<true>();
  /** In the order of their coming; the oldest at `next` where it is full. */
  readonly #ring: string[] = [];
  #next = 0;

  constructor(private readonly keep: number) {}

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** An id that is remembered already stays where it is. */
  add(id: string): void {
    if (this.#ids.has(id)) return;
    const oldest = this.#ring[this.#next];
    if (oldest !== undefined) this.#ids.delete(oldest);
    this.#ids.set(id, true);
    this.#ring[this.#next] = id;
    this.#next = (this.#next + 1) % this.keep;
  }
}
