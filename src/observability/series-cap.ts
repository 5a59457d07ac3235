/** Bounds the series of a process: what finds no room is folded into one series `other` of its metric. */
export class SeriesCap {
  #left: number;

  /** @param onDropped called for each set of labels that found no room */
  constructor(
    limit: number,
    private readonly onDropped: () => void,
  ) {
    this.#left = limit;
  }

  /** Takes room for a set of labels; false where there is none left. */
  take(series: number): boolean {
    if (this.#left >= series) {
      this.#left -= series;
      return true;
    }
    this.onDropped();
    return false;
  }
}
