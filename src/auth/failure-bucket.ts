import { type Clock } from '../kernel/clock.js';

const PER_MINUTE = 20;
const REFILL_MS = 60_000 / PER_MINUTE;
const MAX_ADDRESSES = 10_000;

/**
 * Counts failed authentications per address: 20 at once, one more every 3 s. Only failures are counted and refused;
 * a valid key never comes here, for behind one proxy all callers share an address. Bounded: of the addresses,
 * the one that failed longest ago is forgotten first.
 */
export class FailureBucket {
  /** When the bucket of an address is empty of failures again, monotonic ms. */
  readonly #clearAt = new Map<string, number>();

  constructor(private readonly clock: Clock) {}

  /** Counts one failure; returns 0, or for how long further failures are refused, ms. */
  fail(address: string): number {
    const now = this.clock.now();
    const clearAt = Math.max(this.#clearAt.get(address) ?? now, now) + REFILL_MS;
    const waitMs = clearAt - PER_MINUTE * REFILL_MS - now;
    this.#clearAt.delete(address);
    // A refused failure does not count, or a busy caller would never be told what is wrong.
    this.#clearAt.set(address, waitMs > 0 ? clearAt - REFILL_MS : clearAt);
    this.#bound();
    return Math.max(0, waitMs);
  }

  get size(): number {
    return this.#clearAt.size;
  }

  #bound(): void {
    if (this.#clearAt.size <= MAX_ADDRESSES) return;
    for (const address of this.#clearAt.keys()) {
      this.#clearAt.delete(address);
      return;
    }
  }
}
