import { type Clock, type Timer } from '../kernel/clock.js';

/** What an attempt waited for too long: its first content or plain answer, the next event of a stream, or anything at all. */
export type Bound = 'first' | 'idle' | 'deadline';

/**
 * Bounds an attempt, all its phases with one timer: until content is in hand by `firstMs`, from then on each wait of a
 * stream's consumer for the next event, and the whole by the deadline. Noting an event costs no timer operation: the timer
 * looks, when it fires, how long the silence was. A consumer that does not read is not waiting.
 */
export class AttemptWatch {
  #timer: Timer;
  #idleMs = Infinity;
  /** When the wait in progress began, or undefined while nobody waits. */
  #waitingSince: number | undefined;

  /** @param deadline monotonic ms */
  constructor(
    firstMs: number,
    private readonly deadline: number,
    private readonly clock: Clock,
    private readonly onPassed: (bound: Bound) => void,
  ) {
    const leftMs = deadline - clock.now();
    const bound = firstMs <= leftMs ? 'first' : 'deadline';
    this.#timer = clock.after(Math.max(0, Math.min(firstMs, leftMs)), () => this.onPassed(bound));
  }

  /** The first content of a stream is in hand: what follows may be `idleMs` apart. */
  streaming(idleMs: number): void {
    this.#timer.cancel();
    this.#idleMs = idleMs;
    this.#arm(idleMs);
  }

  /** The consumer begins to wait, or saw an event and waits on. */
  waiting(): void {
    this.#waitingSince = this.clock.now();
  }

  /** The consumer has what it waited for. */
  served(): void {
    this.#waitingSince = undefined;
  }

  stop(): void {
    this.#timer.cancel();
  }

  #arm(ms: number): void {
    const leftMs = Math.max(0, this.deadline - this.clock.now());
    this.#timer = this.clock.after(Math.min(ms, leftMs), () => this.#check());
  }

  #check(): void {
    const now = this.clock.now();
    const silenceMs = this.#waitingSince === undefined ? 0 : now - this.#waitingSince;
    if (now >= this.deadline) this.onPassed('deadline');
    else if (silenceMs >= this.#idleMs) this.onPassed('idle');
    else this.#arm(this.#idleMs - silenceMs);
  }
}
