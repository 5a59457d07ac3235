/** What was charged in a window, added up apart from the account, nano-USD. */
export interface WindowTally {
  charged: number;
  /** Of it and of what is held, what nobody had checked: overruns and late charges. */
  unchecked: number;
}

const NOTHING: Readonly<WindowTally> = { charged: 0, unchecked: 0 };
const WINDOWS_KEPT = 2;

/** A second sum of all charges by account and window: an audit compares it with what the accounts say was spent. */
export class ChargeTally {
  readonly #accounts = new Map<string, Map<number, WindowTally>>();

  add(path: string, index: number, charged: number, unchecked: number): void {
    if (charged === 0 && unchecked === 0) return;
    let windows = this.#accounts.get(path);
    if (windows === undefined) this.#accounts.set(path, (windows = new Map<number, WindowTally>()));
    let tally = windows.get(index);
    if (tally === undefined) {
      windows.set(index, (tally = { charged: 0, unchecked: 0 }));
      if (windows.size > WINDOWS_KEPT) windows.delete(Math.min(...windows.keys()));
    }
    tally.charged += charged;
    tally.unchecked += unchecked;
  }

  of(path: string, index: number): Readonly<WindowTally> {
    return this.#accounts.get(path)?.get(index) ?? NOTHING;
  }

  forget(path: string): void {
    this.#accounts.delete(path);
  }
}
