const CONSECUTIVE = 5;
const WINDOW = 20;
const FAILED_SHARE = 0.5;

/** Tells when a store has failed so often that asking it is no longer worth a request's time. */
export class StoreBreaker {
  #consecutive = 0;
  #outcomes: boolean[] = [];
  #failures = 0;
  #at = 0;

  succeeded(): void {
    this.#consecutive = 0;
    this.#count(false);
  }

  /** Returns whether that was one failure too many: five in a row, or half of the last twenty calls. */
  failed(): boolean {
    this.#consecutive++;
    this.#count(true);
    const many = this.#outcomes.length === WINDOW && this.#failures >= WINDOW * FAILED_SHARE;
    return many || this.#consecutive >= CONSECUTIVE;
  }

  reset(): void {
    this.#consecutive = 0;
    this.#outcomes = [];
    this.#failures = 0;
    this.#at = 0;
  }

  #count(failed: boolean): void {
    if (this.#outcomes[this.#at] === true) this.#failures--;
    this.#outcomes[this.#at] = failed;
    if (failed) this.#failures++;
    this.#at = (this.#at + 1) % WINDOW;
  }
}
