import { type Settlement } from './quota-store.js';

const MAX_ENTRIES = 10_000;
const MAX_BYTES = 8 * 1024 * 1024;
/** Of an entry besides its id, roughly. */
const ENTRY_BYTES = 256;

/** Settlements that the store could not take, in order. Bounded: what does not fit is counted, not kept. */
export class SettlementJournal {
  #entries: Settlement[] = [];
  #bytes = 0;
  #dropped = 0;
  #droppedNanoUsd = 0;

  /** Returns false where there was no room. */
  add(settlement: Settlement): boolean {
    const bytes = sizeOf(settlement);
    if (this.#entries.length >= MAX_ENTRIES || this.#bytes + bytes > MAX_BYTES) {
      this.#dropped++;
      this.#droppedNanoUsd += settlement.costNanoUsd;
      return false;
    }
    this.#entries.push(settlement);
    this.#bytes += bytes;
    return true;
  }

  /** The oldest entries, which stay until `shift` removes them. */
  peek(most: number): readonly Settlement[] {
    return this.#entries.slice(0, most);
  }

  /** Removes the oldest entries. */
  shift(count: number): void {
    for (const settlement of this.#entries.splice(0, count)) this.#bytes -= sizeOf(settlement);
  }

  get size(): number {
    return this.#entries.length;
  }

  /** The fuller of both bounds, 0 to 1. */
  get fill(): number {
    return Math.max(this.#entries.length / MAX_ENTRIES, this.#bytes / MAX_BYTES);
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** What was never charged for want of room. */
  get droppedNanoUsd(): number {
    return this.#droppedNanoUsd;
  }
}

function sizeOf({ reservation }: Settlement): number {
  return ENTRY_BYTES + 2 * reservation.id.length;
}
