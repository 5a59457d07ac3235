import { write, writeSync } from 'node:fs';
import { type Clock } from '../kernel/clock.js';
import { type LineSink } from './line-buffer.js';

/** What may wait for a reader that is slow, bytes; lines beyond it are dropped and counted. */
export const MAX_WAITING_BYTES = 8 * 1024 * 1024;
/** A write that the system has not taken whole by then hangs, ms: even a reader of 50 KB a second reads one meanwhile. */
const HANGS_AFTER_MS = 3_000;
/** How soon a pipe that is full and says so is tried again, ms. */
const FULL_PAUSE_MS = 10;
/** A pipe that another process has made one that does not wait. */
const FULL = new Set(['EAGAIN', 'EBUSY']);

/** What the sink asks of `node:fs`. */
export interface Descriptor {
  /** Writes in the background; `done` may come late, or never. */
  write(bytes: Buffer, done: (error: NodeJS.ErrnoException | null, written: number) => void): void;
  /** Waits for the write. @throws NodeJS.ErrnoException */
  writeSync(bytes: Buffer): number;
}

/** An open file, pipe or socket of the process. */
export function descriptor(fd: number): Descriptor {
  return {
    write: (bytes, done) => write(fd, bytes, 0, bytes.length, null, done),
    writeSync: (bytes) => writeSync(fd, bytes),
  };
}

/**
 * Writes lines in the background, in order, one write at a time, and bounds what waits for their reader: a log that
 * nobody reads costs lines, never requests, memory or the end of the process.
 */
export class LogSink implements LineSink {
  readonly #queue: Buffer[] = [];
  /** Bytes, those under way among them. */
  #waiting = 0;
  /** When the write under way began, ms. */
  #since: number | undefined;
  /** Waits for room in a pipe that is full. */
  #paused = false;
  #gone = false;
  #closed = false;
  /** Called with the number of lines that were dropped. */
  onDropped: (lines: number) => void = () => undefined;

  /** @param maxWrite bytes that one write carries, unless a single line is longer */
  constructor(
    private readonly to: Descriptor,
    private readonly maxWrite: number,
    private readonly clock: Clock,
  ) {}

  /** A write is under way: the system may take it at any time, or never. */
  get writes(): boolean {
    return this.#since !== undefined;
  }

  /** A write is under way that the system does not take: whoever waits for it may wait for ever. */
  get hangs(): boolean {
    return this.#since !== undefined && this.clock.now() - this.#since >= HANGS_AFTER_MS;
  }

  write(lines: Buffer): void {
    if (this.#gone || this.#waiting + lines.length > MAX_WAITING_BYTES) {
      this.#drop(lines);
      return;
    }
    this.#waiting += lines.length;
    this.#queue.push(lines);
    if (this.#closed) this.#writeAll();
    else this.#next();
  }

  /** Nothing waits that the system would take. */
  get settled(): boolean {
    return !this.writes && !this.#paused;
  }

  /** From now on lines are written before `write` returns, and dropped where the system does not take them. */
  close(): void {
    this.#closed = true;
    this.#writeAll();
  }

  #writeAll(): void {
    try {
      for (let [piece] = this.#queue; piece; [piece] = this.#queue) {
        const written = this.to.writeSync(piece);
        const rest = piece.subarray(written);
        this.#waiting -= written;
        if (rest.length > 0) this.#queue[0] = rest;
        else this.#queue.shift();
      }
    } catch {
      // What comes after a line that is cut must not be taken for its rest.
      this.#dropAll();
    }
  }

  #next(): void {
    if (this.writes || this.#paused || this.#closed) return;
    const piece = this.#take();
    this.#since = this.clock.now();
    this.to.write(piece, (error, written) => {
      this.#since = undefined;
      if (error) this.#failed(piece, error.code ?? '');
      else this.#took(piece, written);
      if (!error && this.#queue.length > 0) this.#next();
    });
  }

  /** As many whole entries as one write carries. */
  #take(): Buffer {
    let bytes = 0;
    let count = 0;
    for (const { length } of this.#queue) {
      if (count > 0 && bytes + length > this.maxWrite) break;
      bytes += length;
      count++;
    }
    const entries = this.#queue.splice(0, count);
    return entries.length === 1 && entries[0] ? entries[0] : Buffer.concat(entries, bytes);
  }

  #took(piece: Buffer, written: number): void {
    this.#waiting -= written;
    if (written < piece.length) this.#queue.unshift(piece.subarray(written));
  }

  /** Lines wait for the next try: of a disk that is full, with the next lines. */
  #failed(piece: Buffer, code: string): void {
    this.#queue.unshift(piece);
    if (FULL.has(code)) {
      this.#paused = true;
      this.clock.after(FULL_PAUSE_MS, () => {
        this.#paused = false;
        if (this.#queue.length > 0) this.#next();
      });
    } else if (code === 'EPIPE') {
      // The reader has closed the pipe, and there will be no other.
      this.#dropAll();
    }
  }

  #dropAll(): void {
    this.#gone = true;
    for (const lines of this.#queue.splice(0)) this.#drop(lines);
  }

  #drop(lines: Buffer): void {
    let count = 0;
    for (const byte of lines) if (byte === 10) count++;
    this.onDropped(count);
  }
}
