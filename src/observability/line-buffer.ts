/** Where lines go in the end. */
export interface LineSink {
  write(lines: string): unknown;
}

/** Joins lines until they are worth a write: the sink looks at all that waits in it whenever it is given more. */
export class LineBuffer {
  #lines = '';

  /** @param flushAbove characters that may wait */
  constructor(
    private readonly sink: LineSink,
    private readonly flushAbove: number,
  ) {}

  /** Takes one line, with its line feed. */
  write(line: string): void {
    this.#lines += line;
    if (this.#lines.length > this.flushAbove) this.flush();
  }

  /** Hands on what waits. */
  flush(): void {
    if (this.#lines === '') return;
    const lines = this.#lines;
    this.#lines = '';
    this.sink.write(lines);
  }
}
