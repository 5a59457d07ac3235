/** Spent and reserved in one window, nano-USD. */
export interface WindowTotals {
  readonly index: number;
  readonly spent: number;
  readonly reserved: number;
}

/** A change of a window, nano-USD. */
export interface Booking {
  readonly spent: number;
  readonly reserved: number;
  /** What no check had allowed. */
  readonly unchecked: number;
}

const SPENT = 0;
const RESERVED = 1;
const CHARGED = 2;
const UNCHECKED = 3;

/**
 * The totals of a window that runs. A typed array, as V8 gives objects whose numbers outgrow its small integers (amounts do
 * so at 2 USD) another shape: what met both shapes was compiled over and over, each time in vain.
 */
export class AccountWindow implements WindowTotals {
  readonly #amounts = new Float64Array(4);

  /** @param index serial number of the window */
  constructor(readonly index: number) {}

  get spent(): number {
    return this.#amounts[SPENT] ?? 0;
  }

  get reserved(): number {
    return this.#amounts[RESERVED] ?? 0;
  }

  /** All that was charged: a second sum, which an audit compares with what was spent. */
  get charged(): number {
    return this.#amounts[CHARGED] ?? 0;
  }

  /** Of it and of what is held, what nobody had checked: overruns and late charges. */
  get unchecked(): number {
    return this.#amounts[UNCHECKED] ?? 0;
  }

  book({ spent, reserved, unchecked }: Booking): void {
    this.#amounts[SPENT] = this.spent + spent;
    this.#amounts[RESERVED] = this.reserved + reserved;
    this.#amounts[CHARGED] = this.charged + spent;
    this.#amounts[UNCHECKED] = this.unchecked + unchecked;
  }
}

/**
 * The running window of one budget and the one before, which requests admitted in it still settle.
 * A window is named by its number and never reset: a roll-over cannot overwrite a charge.
 */
export class BudgetAccount {
  #current = new AccountWindow(0);
  #previous = new AccountWindow(0);

  /** Totals of a window; zeros where nothing was booked. Writes nothing. */
  totals(index: number): WindowTotals {
    if (index === this.#current.index) return this.#current;
    return index === this.#previous.index ? this.#previous : { index, spent: 0, reserved: 0 };
  }

  /** The window to book at a given time: never older than the newest one booked. */
  latest(index: number): number {
    return Math.max(index, this.#current.index);
  }

  /** The window to book in, opened where it is newer than all; undefined where it is over and gone. */
  window(index: number): AccountWindow | undefined {
    if (index > this.#current.index) {
      this.#previous = this.#current;
      this.#current = new AccountWindow(index);
    }
    if (index === this.#current.index) return this.#current;
    return index === this.#previous.index ? this.#previous : undefined;
  }

  /** The windows that are kept, newest first. */
  get windows(): readonly AccountWindow[] {
    return [this.#current, this.#previous].filter(({ index }) => index > 0);
  }

  /** Nothing of a window that still runs, and nothing held. */
  idle(index: number): boolean {
    return this.#current.index < index && this.#current.reserved === 0 && this.#previous.reserved === 0;
  }
}
