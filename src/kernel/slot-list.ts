/**
 * Holds what comes and goes with every request, in no order. A Set does the same for more: the tables that it
 * outgrows end in V8's old generation, and each keeps alive all that it named until the next full collection.
 * Here a place that becomes free is overwritten.
 */
export class SlotList<Item extends object> {
  readonly #places: (Item | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#places.length - this.#free.length;
  }

  /** @returns the item's place, to remove it by */
  add(item: Item): number {
    const place = this.#free.pop() ?? this.#places.length;
    this.#places[place] = item;
    return place;
  }

  /** `place` must be one that `add` gave and that was not removed since. */
  remove(place: number): void {
    this.#places[place] = undefined;
    this.#free.push(place);
  }

  /** What is held now; later changes do not show in it. */
  items(): Item[] {
    return this.#places.filter((item) => item !== undefined);
  }
}
