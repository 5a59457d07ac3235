import { type ProcessFault } from '../config/chaos-experiment.js';
import { type Clock, type Timer } from '../kernel/clock.js';

/** Holds the process up: blocks its event loop, fills its memory. */
export class ProcessStrain {
  #timers: Timer[] = [];
  #memory: Buffer[] = [];

  constructor(
    private readonly clock: Clock,
    /** Holds the event loop for that long, ms. */
    private readonly block: (ms: number) => void = blockEventLoop,
  ) {}

  /** Makes these faults, and no others, those in force. */
  apply(faults: readonly ProcessFault[]): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers = [];
    this.#memory = [];
    for (const fault of faults) {
      // Filled, or the machine would only promise it.
      if (fault.type === 'memory') this.#memory.push(Buffer.alloc(fault.bytes, 1));
      else this.#blockEvery(fault.everyMs, fault.ms);
    }
  }

  /** Bytes held. */
  get heldBytes(): number {
    return this.#memory.reduce((sum, { length }) => sum + length, 0);
  }

  #blockEvery(everyMs: number, ms: number): void {
    const place = this.#timers.length;
    const wait = (): void => {
      this.#timers[place] = this.clock.after(everyMs, () => {
        this.block(ms);
        wait();
      });
    };
    wait();
  }
}

function blockEventLoop(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
