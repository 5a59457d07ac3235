import cluster from 'node:cluster';
import pino, { type Logger } from 'pino';
import { type Clock } from '../kernel/clock.js';
import { LineBuffer } from './line-buffer.js';
import { descriptor, LogSink } from './log-sink.js';

/** How a line of one of several workers begins. */
const WORKER = cluster.worker ? `{"worker":${cluster.worker.id},` : '';

/** Lines wait for company at most this long, ms, and at most this many bytes: one write carries many lines. */
const FLUSH_AFTER_MS = 50;
const FLUSH_ABOVE_BYTES = cluster.isWorker ? 2 * 1024 : 64 * 1024;
/** Workers share a pipe, which keeps together what is written at once up to 4 KiB. */
const MAX_WRITE_BYTES = cluster.isWorker ? 4 * 1024 : 128 * 1024;
/** `process.stdout` is not asked: it would make a pipe one that does not wait, for all who share it. */
const STANDARD_OUTPUT = 1;
/** Longest wait for whoever reads the last lines, ms. */
const LAST_LINES_MS = 5_000;
const LOOK_AGAIN_MS = 10;
const REDACTED = ['authorization', 'apiKey', 'api_key', '["x-api-key"]', 'cookie'];

/** The process's logger: JSON lines to stdout, batched, never blocking a request. */
export class ProcessLogger {
  readonly logger: Logger;
  readonly #sink: LogSink;
  readonly #lines: LineBuffer;
  readonly #clock: Clock;
  #gaveUp = false;
  #beforeClose = (): void => undefined;

  constructor(level: string, clock: Clock) {
    this.#clock = clock;
    this.#sink = new LogSink(descriptor(STANDARD_OUTPUT), MAX_WRITE_BYTES, clock);
    this.#lines = new LineBuffer(this.#sink, FLUSH_ABOVE_BYTES, MAX_WRITE_BYTES);
    this.logger = pino(
      {
        level,
        base: cluster.worker ? { worker: cluster.worker.id } : null,
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
        redact: {
          paths: [...REDACTED, ...REDACTED.map((path) => (path.startsWith('[') ? `*${path}` : `*.${path}`))],
          censor: '[secret]',
        },
      },
      this.#lines,
    );
    process.once('exit', () => this.#atExit());
    const flush = (): void => {
      this.#lines.flush();
      clock.after(FLUSH_AFTER_MS, flush);
    };
    clock.after(FLUSH_AFTER_MS, flush);
  }

  /** Writes one finished line, where the level lets it through: for lines that hold nothing to redact. */
  writeLine(line: string): void {
    if (this.logger.isLevelEnabled('info')) this.#lines.write(`${WORKER === '' ? line : WORKER + line.slice(1)}\n`);
  }

  /** Calls `last` before the last line may be written: whoever holds lines back hands them over. */
  beforeClose(last: () => void): void {
    this.#beforeClose = last;
  }

  /** Calls `listener` with the number of lines whenever some are dropped, since nobody reads them. */
  onDropped(listener: (lines: number) => void): void {
    this.#sink.onDropped = listener;
  }

  /** Resolves when every line is written, or nobody has read a write for 3 s, or all of them within 5 s. */
  async end(): Promise<void> {
    this.#beforeClose();
    this.#lines.flush();
    const until = this.#clock.now() + LAST_LINES_MS;
    while (!this.#sink.settled && !this.#sink.hangs && this.#clock.now() < until) {
      await new Promise<void>((resolve) => this.#clock.after(LOOK_AGAIN_MS, resolve));
    }
    this.#gaveUp = this.#sink.writes;
  }

  /** Writes what waits, whatever ended the process. */
  #atExit(): void {
    // Node waits for the write that is under way, before it ends: for ever.
    if (this.#sink.hangs || (this.#gaveUp && this.#sink.writes)) process.kill(process.pid, 'SIGKILL');
    this.#sink.close();
    this.#beforeClose();
    this.#lines.flush();
  }
}
