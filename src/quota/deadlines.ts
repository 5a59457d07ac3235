import { type Clock, type Timer } from '../kernel/clock.js';
import { answersRead, StoreTimeout } from './bounded.js';

interface Wait {
  readonly untilMs: number;
  readonly giveUp: (error: StoreTimeout) => void;
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

  /**
   * What becomes of an answer: of its value, or of its error, which is StoreTimeout once it is due. One promise for all of
   * it, as every request waits here twice.
   */
  within<Value, Result>(
    answer: Promise<Value>,
    ofValue: (value: Value) => Result,
    ofError: (error: Error) => Result,
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      const settle = <Given>(of: (given: Given) => Result, given: Given): void => {
        if (wait.over) return;
        wait.over = true;
        try {
          resolve(of(given));
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      const wait: Wait = {
        untilMs: this.clock.now() + this.ms,
        giveUp: (error) => settle(ofError, error),
        over: false,
      };
      this.#waits.push(wait);
      this.#timer ??= this.#after(this.ms);
      answer.then(
        (value) => {
          settle(ofValue, value);
          this.#drop();
        },
        (error: unknown) => {
          settle(ofError, error instanceof Error ? error : new Error(String(error)));
          this.#drop();
        },
      );
    });
  }

  /** Lets go of the timer: what still waits is not bounded any more. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #drop(): void {
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
      first.giveUp(new StoreTimeout(this.ms));
      first = this.#waits[0];
    }
    this.#timer = first && this.#after(Math.max(0, first.untilMs - this.clock.now()));
  }
}
