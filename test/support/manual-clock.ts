import { type Clock, type Timer } from '../../src/kernel/clock.js';

interface Entry {
  at: number;
  readonly order: number;
  readonly fn: () => void;
}

/** A clock that stands still until the test moves it; timers fire in order of their due time. */
export class ManualClock implements Clock {
  #now = 1_000;
  #order = 0;
  readonly #entries = new Set<Entry>();

  /** `random` answers these values in turn, then starts over. */
  constructor(private readonly randoms: readonly number[] = [0.5]) {}

  #draws = 0;

  now(): number {
    return this.#now;
  }

  wall(): number {
    return 1_800_000_000_000 + this.#now;
  }

  random(): number {
    return this.randoms[this.#draws++ % this.randoms.length] ?? 0;
  }

  turn(): Promise<void> {
    return Promise.resolve();
  }

  after(ms: number, fn: () => void): Timer {
    const entry: Entry = { at: this.#now + ms, order: this.#order++, fn };
    this.#entries.add(entry);
    return {
      cancel: () => void this.#entries.delete(entry),
      restart: () => {
        if (this.#entries.has(entry)) entry.at = this.#now + ms;
      },
    };
  }

  /** Timers still pending: a test asserts 0 to show that nothing leaks. */
  get pending(): number {
    return this.#entries.size;
  }

  /** Moves time forward, firing what falls due on the way; promises settle between timers. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (let due = this.#next(end); due; due = this.#next(end)) {
      this.#now = Math.max(this.#now, due.at);
      this.#entries.delete(due);
      due.fn();
      await settle();
    }
    this.#now = end;
    await settle();
  }

  /** As `advance`, without letting promises settle in between: for pure synchronous algorithms. */
  advanceSync(ms: number): void {
    const end = this.#now + ms;
    for (let due = this.#next(end); due; due = this.#next(end)) {
      this.#now = Math.max(this.#now, due.at);
      this.#entries.delete(due);
      due.fn();
    }
    this.#now = end;
  }

  #next(end: number): Entry | undefined {
    let next: Entry | undefined;
    for (const entry of this.#entries) {
      if (entry.at > end) continue;
      if (!next || entry.at < next.at || (entry.at === next.at && entry.order < next.order)) next = entry;
    }
    return next;
  }
}

/** Lets promise callbacks that are ready run. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}
