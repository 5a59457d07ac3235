/** Spent and reserved in one window, nano-USD. */
export interface WindowTotals {
  readonly index: number;
  readonly spent: number;
  readonly reserved: number;
}

/**
 * The totals of a window that runs. A typed array, as V8 gives objects whose numbers outgrow its small integers (amounts do
 * so at 2 USD) another shape: what met both shapes was compiled over and over, each time in vain.
 */
class RunningWindow implements WindowTotals {
  readonly #amounts = new Float64Array(2);

  constructor(readonly index: number) {}

  get spent(): number {
    return this.#amounts[0] ?? 0;
  }

  get reserved(): number {
    return this.#amounts[1] ?? 0;
  }

  add(spent: number, reserved: number): void {
    this.#amounts[0] = this.spent + spent;
    this.#amounts[1] = this.reserved + reserved;
  }
}

/**
 * The running window of one budget and the one before, which requests admitted in it still settle.
 * A window is named by its number and never reset: a roll-over cannot overwrite a charge.
 */
export class BudgetAccount {
  #current = new RunningWindow(0);
  #previous = new RunningWindow(0);

  /** Totals of a window; zeros where nothing was booked. Writes nothing. */
  totals(index: number): Readonly<WindowTotals> {
    if (index === this.#current.index) return this.#current;
    return index === this.#previous.index ? this.#previous : { index, spent: 0, reserved: 0 };
  }

  /** The window to book at a given time: never older than the newest one booked. */
  latest(index: number): number {
    return Math.max(index, this.#current.index);
  }

  /** Adds to a window; a window that is over and gone is left alone, and false returned. */
  book(index: number, spent: number, reserved: number): boolean {
    if (index > this.#current.index) {
      this.#previous = this.#current;
      this.#current = new RunningWindow(index);
    }
    const totals = [this.#current, this.#previous].find((window) => window.index === index);
    if (totals === undefined) return false;
    totals.add(spent, reserved);
    return true;
  }

  /** The windows that are kept, newest first. */
  get windows(): readonly Readonly<WindowTotals>[] {
    return [this.#current, this.#previous].filter(({ index }) => index > 0);
  }

  /** Nothing of a window that still runs, and nothing held. */
  idle(index: number): boolean {
    return this.#current.index < index && this.#current.reserved === 0 && this.#previous.reserved === 0;
  }
}
