import { type Clock } from '../kernel/clock.js';

const INTERVAL_MS = 1_000;
const TARGET_MS = 200;

/**
 * Tells a standing queue from a burst (CoDel's idea): not empty for 1 s, and in that second even the shortest wait
 * was over 200 ms. It stands until the queue has once been empty; waits under newest-first say nothing about it.
 */
export class StandingQueue {
  #standing = false;
  #since = -1;
  #minWait = Infinity;

  constructor(private readonly clock: Clock) {}

  get standing(): boolean {
    return this.#standing;
  }

  /** An entry joined. True when the queue stands from now on. */
  joined(): boolean {
    if (this.#since < 0) this.#restart();
    return this.#check();
  }

  /** An entry was admitted after `waitMs`. True when the queue stands from now on. */
  admitted(waitMs: number): boolean {
    if (waitMs < this.#minWait) this.#minWait = waitMs;
    return this.#check();
  }

  emptied(): void {
    this.#standing = false;
    this.#since = -1;
  }

  #check(): boolean {
    if (this.#standing || this.#since < 0 || this.clock.now() - this.#since < INTERVAL_MS) return false;
    this.#standing = this.#minWait > TARGET_MS;
    this.#restart();
    return this.#standing;
  }

  #restart(): void {
    this.#since = this.clock.now();
    this.#minWait = Infinity;
  }
}
