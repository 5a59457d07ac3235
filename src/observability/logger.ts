import cluster from 'node:cluster';
import pino, { type Logger } from 'pino';
import { type Clock } from '../kernel/clock.js';
import { LineBuffer } from './line-buffer.js';
import { type Destination, LogSink } from './log-sink.js';

/** How a line of one of several workers begins. */
const WORKER = cluster.worker ? `{"worker":${cluster.worker.id},` : '';

/** Lines wait for company at most this long, ms, and at most this many bytes: one write carries many lines. */
const FLUSH_AFTER_MS = 50;
const FLUSH_ABOVE_BYTES = cluster.isWorker ? 2 * 1024 : 128 * 1024;
/** Workers share a pipe, which keeps together what is written at once up to 4 KiB. */
const MAX_WRITE_BYTES = cluster.isWorker ? 4 * 1024 : 256 * 1024;
const REDACTED = ['authorization', 'apiKey', 'api_key', '["x-api-key"]', 'cookie'];

/** The process's logger: JSON lines to stdout, batched, never blocking a request. */
export class ProcessLogger {
  readonly logger: Logger;
  readonly #destination: ReturnType<typeof pino.destination>;
  readonly #sink: LogSink;
  readonly #lines: LineBuffer;
  #beforeClose = (): void => undefined;
  readonly #atExit = (): void => {
    this.close();
    // Node waits for the write that is under way, before it ends: for ever. What it did is done.
    if (this.#sink.hangs) process.kill(process.pid, 'SIGKILL');
  };

  constructor(level: string, clock: Clock) {
    this.#destination = pino.destination({
      dest: 1,
      sync: false,
      contentMode: 'buffer',
      minLength: FLUSH_ABOVE_BYTES,
      maxWrite: MAX_WRITE_BYTES,
    });
    // Its type knows lines of text alone.
    this.#sink = new LogSink(this.#destination as unknown as Destination, clock);
    this.#lines = new LineBuffer(this.#sink, FLUSH_ABOVE_BYTES);
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
    // Before the destination's own listener, which writes what waits however long it takes.
    process.prependListener('exit', this.#atExit);
    const flush = (): void => {
      // Without lines it would write an empty text, on a thread of its own.
      if (this.#lines.flush()) this.#destination.flush();
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

  /** Writes everything that waits, unless nobody reads: the last thing that a process does, whatever ends it. */
  close(): void {
    if (this.#sink.hangs) {
      this.#destination.destroy();
      this.#sink.end();
      return;
    }
    process.off('exit', this.#atExit);
    try {
      this.#beforeClose();
      this.#lines.flush();
      this.#destination.flushSync();
    } catch {
      // Nothing was open yet: nothing is lost.
    }
  }
}
