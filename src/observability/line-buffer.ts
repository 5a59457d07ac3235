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
  #handed = false;

  /** @param flushAbove bytes that may wait */
  constructor(
    private readonly sink: LineSink,
    private readonly flushAbove: number,
  ) {
    this.#room = Buffer.allocUnsafeSlow(flushAbove * MOST_BYTES_PER_UNIT);
  }

  /** Takes one line, with its line feed. */
  write(line: string): void {
    const most = line.length * MOST_BYTES_PER_UNIT;
    if (this.#size + most > this.#room.length) this.#handOn();
    if (most > this.#room.length) {
      this.#handed = true;
      this.sink.write(Buffer.from(line));
      return;
    }
    this.#size += this.#room.write(line, this.#size);
    if (this.#size > this.flushAbove) this.#handOn();
  }

  /** Hands on what waits; returns whether any lines were handed on since the last call of it. */
  flush(): boolean {
    this.#handOn();
    const handed = this.#handed;
    this.#handed = false;
    return handed;
  }

  #handOn(): void {
    if (this.#size === 0) return;
    const lines = Buffer.from(this.#room.subarray(0, this.#size));
    this.#size = 0;
    this.#handed = true;
    this.sink.write(lines);
  }
}
