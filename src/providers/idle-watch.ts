import { type Clock, type Timer } from '../kernel/clock.js';

/**
 * Tells when a consumer has waited `idleMs` for a stream's next event. Noting an event costs no timer operation:
 * the one timer checks, when it fires, how long the silence was. A consumer that does not read is not waiting.
 */
export class IdleWatch {
  #timer: Timer;
  /** When the wait in progress began, or undefined while nobody waits. */
  #waitingSince: number | undefined;

  constructor(
    private readonly idleMs: number,
    private readonly clock: Clock,
    private readonly onIdle: () => void,
  ) {
    this.#timer = clock.after(idleMs, () => this.#check());
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

  #check(): void {
    const silence = this.#waitingSince === undefined ? 0 : this.clock.now() - this.#waitingSince;
    if (silence >= this.idleMs) this.onIdle();
    else this.#timer = this.clock.after(this.idleMs - silence, () => this.#check());
  }
}
