/** Where lines go in the end. */
export interface LineSink {
  write(lines: string): unknown;
}

/** Joins lines until they are worth a write: the sink looks at all that waits in it whenever it is given more. */
export class LineBuffer {
  #lines = '';
  #handed = false;

  /** @param flushAbove characters that may wait */
  constructor(
    private readonly sink: LineSink,
    private readonly flushAbove: number,
  ) {}

  /** Takes one line, with its line feed. */
  write(line: string): void {
    this.#lines += line;
    if (this.#lines.length > this.flushAbove) this.#handOn();
  }

  /** Hands on what waits; returns whether any lines were handed on since the last call of it. */
  flush(): boolean {
    if (this.#lines !== '') this.#handOn();
    const handed = this.#handed;
    this.#handed = false;
    return handed;
  }

  #handOn(): void {
    const lines = this.#lines;
    this.#lines = '';
    this.#handed = true;
    this.sink.write(lines);
  }
}
