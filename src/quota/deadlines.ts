import { type Clock, type Timer } from '../kernel/clock.js';
import { answersRead, StoreTimeout } from './bounded.js';

interface Wait {
  readonly untilMs: number;
  readonly reject: (error: StoreTimeout) => void;
  over: boolean;
}

/**
 * Bounds many waits of one length by one timer, where a timer each would cost as much as the rest of the wait: they
 * fall due in the order in which they began.
 */
export class Deadlines {
  readonly #waits: Wait[] = [];
  #timer: Timer | undefined;
  #closed = false;

  constructor(
    private readonly clock: Clock,
    private readonly ms: number,
  ) {}

  /** The answer, or StoreTimeout once it is due. */
  within<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const wait = { untilMs: this.clock.now() + this.ms, reject, over: false };
      this.#waits.push(wait);
      this.#timer ??= this.#after(this.ms);
      answer.then(
        (value) => {
          this.#end(wait);
          resolve(value);
        },
        (error: unknown) => {
          this.#end(wait);
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      );
    });
  }

  /** Lets go of the timer: what still waits is not bounded any more. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #end(wait: Wait): void {
    wait.over = true;
    while (this.#waits[0]?.over === true) this.#waits.shift();
  }

  #after(ms: number): Timer {
    return this.clock.after(ms, () => {
      if (this.#waits.length === 0) this.#timer = undefined;
      else void this.#judge(this.clock.now());
    });
  }

  /** Gives up what was due at that time, unless its answer is found: what falls due meanwhile is looked at on its own. */
  async #judge(dueMs: number): Promise<void> {
    await answersRead(this.clock);
    if (this.#closed) return;
    let first = this.#waits[0];
    while (first !== undefined && first.untilMs <= dueMs) {
      this.#waits.shift();
      if (!first.over) first.reject(new StoreTimeout(this.ms));
      first = this.#waits[0];
    }
    this.#timer = first && this.#after(Math.max(0, first.untilMs - this.clock.now()));
  }
}
