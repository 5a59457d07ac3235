import { type Clock } from './clock.js';

/**
 * Writes of one turn of the event loop, kept until everything that came in it was read, then made one after the other. A
 * write to a peer that sleeps costs the time to wake it up, often as much as the rest of a request: of a row of writes the
 * first one pays it, and the code of all of them is in the processor's caches.
 */
export class WriteBatch {
  #writes: (() => void)[] = [];

  constructor(private readonly clock: Pick<Clock, 'turn'>) {}

  /** `write` runs at the end of this turn; it must not throw, and must look whether its socket still stands. */
  add(write: () => void): void {
    if (this.#writes.push(write) === 1) void this.clock.turn().then(() => this.#flush());
  }

  #flush(): void {
    const writes = this.#writes;
    this.#writes = [];
    for (const write of writes) write();
  }
}
