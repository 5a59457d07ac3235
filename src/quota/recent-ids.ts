/** Remembers at least the last `keep` ids in bounded memory: two generations, the older dropped whole. */
export class RecentIds {
  #young = new Set<string>();
  #old = new Set<string>();

  constructor(private readonly keep: number) {}

  has(id: string): boolean {
    return this.#young.has(id) || this.#old.has(id);
  }

  add(id: string): void {
    if (this.#young.size >= this.keep) {
      this.#old = this.#young;
      this.#young = new Set();
    }
    this.#young.add(id);
  }
}
