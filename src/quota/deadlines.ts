import { type Clock, type Timer } from '../kernel/clock.js';
import { StoreTimeout } from './bounded.js';

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
    this.#timer?.cancel();
  }

  #end(wait: Wait): void {
    wait.over = true;
    while (this.#waits[0]?.over === true) this.#waits.shift();
  }

  #after(ms: number): Timer {
    return this.clock.after(ms, () => {
      if (this.#waits.length === 0) this.#timer = undefined;
      // One more turn of the event loop: after a pause of ours the answer may lie in the socket, unread.
      else this.#timer = this.clock.after(0, () => this.#giveUp());
    });
  }

  #giveUp(): void {
    const now = this.clock.now();
    let first = this.#waits[0];
    while (first !== undefined && first.untilMs <= now) {
      this.#waits.shift();
      first.reject(new StoreTimeout(this.ms));
      first = this.#waits[0];
    }
    this.#timer = first && this.#after(first.untilMs - now);
  }
}
