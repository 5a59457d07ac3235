/** A pending timer. Both calls are safe after it fired or was cancelled. */
export interface Timer {
  cancel(): void;
  /** Starts the full delay again. One timer moved along is cheaper than one timer per event. */
  restart(): void;
}

/** Time and chance, injected so that tests own both. */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary origin. */
  now(): number;
  /** Wall clock, milliseconds since the epoch: for timestamps that people and other machines read, never for durations. */
  wall(): number;
  /** Calls `fn` once after `ms`. */
  after(ms: number, fn: () => void): Timer;
  /** Uniform in [0, 1). */
  random(): number;
  /** Resolves when the event loop has served what waited: for long work that is done in slices. */
  turn(): Promise<void>;
}

class SystemTimer implements Timer {
  readonly #handle: NodeJS.Timeout;
  #pending = true;

  constructor(ms: number, fn: () => void) {
    this.#handle = setTimeout(() => {
      this.#pending = false;
      fn();
    }, ms);
  }

  cancel(): void {
    this.#pending = false;
    clearTimeout(this.#handle);
  }

  restart(): void {
    if (this.#pending) this.#handle.refresh();
  }
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, fn) => new SystemTimer(ms, fn),
  random: () => Math.random(),
  turn: () =>
    new Promise((resolve) => {
      setImmediate(resolve);
    }),
};
