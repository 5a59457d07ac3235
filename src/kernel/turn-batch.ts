import { type Clock } from './clock.js';

/**
 * Work of one kind that falls due in a turn of the event loop, kept until everything that came in the turn was read, and then
 * done in a row. Code that runs for one request after the other is in the processor's caches from the second one on; and a
 * write to a peer that sleeps costs the time to wake it up, often as much as the rest of a request, which the first of a row
 * pays for all.
 */
export class TurnBatch {
  #work: (() => void)[] = [];

  constructor(private readonly clock: Pick<Clock, 'turn'>) {}

  /** `work` runs at the end of this turn, and must look whether it is still wanted. What it throws, the process is told. */
  add(work: () => void): void {
    if (this.#work.push(work) === 1) void this.clock.turn().then(() => this.#flush());
  }

  #flush(): void {
    const due = this.#work;
    this.#work = [];
    for (const work of due) {
      try {
        work();
      } catch (error) {
        // Whoever else stands in the row must not wait for ever.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
