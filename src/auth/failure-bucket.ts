import { type Clock } from '../kernel/clock.js';

const PER_MINUTE = 20;
/** Addresses remembered: the least recently failed is forgotten first. */
const MAX_ADDRESSES = 10_000;
const MINUTE_MS = 60_000;

/** Failed authentications per address: a bucket of 20 that refills over a minute. Valid keys never meet it. */
export class FailureBucket {
  /** Per address when its bucket is full again, ms: one number, as in GCRA. */
  readonly #fullAt = new Map<string, number>();

  constructor(private readonly clock: Clock) {}

  /** Counts one failure; @returns the time until the next is free, ms, where there were too many, else 0 */
  fail(address: string): number {
    const now = this.clock.now();
    const period = MINUTE_MS / PER_MINUTE;
    const next = Math.max(now, this.#fullAt.get(address) ?? 0) + period;
    const early = next - now - MINUTE_MS;
    this.#fullAt.delete(address);
    this.#fullAt.set(address, early > 0 ? next - period : next);
    if (this.#fullAt.size > MAX_ADDRESSES) {
      const [oldest] = this.#fullAt.keys();
      if (oldest !== undefined) this.#fullAt.delete(oldest);
    }
    return Math.max(0, early);
  }
}
