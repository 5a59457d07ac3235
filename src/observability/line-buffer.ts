/** Where lines go in the end. */
export interface LineSink {
  /** The bytes are the sink's: nobody writes to them any more. */
  write(lines: Buffer): unknown;
}

/** UTF-16 units become at most so many bytes. */
const MOST_BYTES_PER_UNIT = 3;

/**
 * Joins lines, as bytes, until they are worth a write. Each becomes bytes when it comes: its parts are still in the
 * processor's caches then, and no longer when hundreds of them leave.
 */
export class LineBuffer {
  readonly #room: Buffer;
  #size = 0;

  /**
   * @param flushAbove bytes that may wait
   * @param room bytes that are handed on in one piece at most, unless a single line is longer
   */
  constructor(
    private readonly sink: LineSink,
    private readonly flushAbove: number,
    room: number,
  ) {
    this.#room = Buffer.allocUnsafeSlow(room);
  }

  /** Takes one line, with its line feed. */
  write(line: string): void {
    const most = line.length * MOST_BYTES_PER_UNIT;
    if (this.#size + most > this.#room.length) this.flush();
    if (most > this.#room.length) {
      this.sink.write(Buffer.from(line));
      return;
    }
    this.#size += this.#room.write(line, this.#size);
    if (this.#size > this.flushAbove) this.flush();
  }

  /** Hands on what waits. */
  flush(): void {
    if (this.#size === 0) return;
    const lines = Buffer.from(this.#room.subarray(0, this.#size));
    this.#size = 0;
    this.sink.write(lines);
  }
}
