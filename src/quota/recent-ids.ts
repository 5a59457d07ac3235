import { IdTable } from './id-table.js';

/** Remembers at least the last `keep` ids: two generations, the older one emptied whole and used again. */
export class RecentIds {
  #young = new IdTable<true>();
  #old = new IdTable<true>();

  constructor(private readonly keep: number) {}

  has(id: string): boolean {
    return this.#young.has(id) || this.#old.has(id);
  }

  add(id: string): void {
    if (this.#young.size >= this.keep) {
      const emptied = this.#old;
      emptied.clear();
      this.#old = this.#young;
      this.#young = emptied;
    }
    this.#young.set(id, true);
  }
}
