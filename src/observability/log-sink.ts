import { type Clock } from '../kernel/clock.js';
import { type LineSink } from './line-buffer.js';

/** What may wait for a reader that is slow, bytes; lines beyond it are dropped and counted. */
export const MAX_WAITING_BYTES = 8 * 1024 * 1024;
/** A sink that has taken nothing for this long hangs, ms. */
const HANGS_AFTER_MS = 1_000;

/** Writes in the background, in order, and tells of each write that the system took. */
export interface Destination extends LineSink {
  on(event: 'write', listener: (bytes: number) => void): unknown;
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
}

/** Bounds what waits for the reader of the log: a log that nobody reads costs lines, never requests or memory. */
export class LogSink implements LineSink {
  #waiting = 0;
  #progressAt = 0;
  /** The last write failed: nothing is under way. */
  #failing = false;
  #gone = false;
  /** Called with the number of lines that were dropped. */
  onDropped: (lines: number) => void = () => undefined;

  constructor(
    private readonly destination: Destination,
    private readonly clock: Pick<Clock, 'now'>,
  ) {
    destination.on('write', (bytes) => {
      this.#waiting -= bytes;
      this.#progressAt = clock.now();
      this.#failing = false;
    });
    destination.on('error', ({ code }) => {
      this.#failing = true;
      // The reader has closed the pipe, and there will be no other.
      this.#gone = code === 'EPIPE';
    });
  }

  /** A write is under way that the system does not take: whoever waits for it may wait for ever. */
  get hangs(): boolean {
    return this.#waiting > 0 && !this.#failing && this.clock.now() - this.#progressAt >= HANGS_AFTER_MS;
  }

  /** Drops every line from now on. */
  end(): void {
    this.#gone = true;
  }

  write(lines: Buffer): void {
    const bytes = lines.length;
    if (this.#gone || this.#waiting + bytes > MAX_WAITING_BYTES) {
      this.onDropped(lines.toString('latin1').split('\n').length - 1);
      return;
    }
    if (this.#waiting === 0) this.#progressAt = this.clock.now();
    this.#waiting += bytes;
    this.destination.write(lines);
  }
}
