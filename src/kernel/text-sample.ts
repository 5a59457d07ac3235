/** What is counted in one go, UTF-16 units: merging takes the square of a piece's length. */
const WINDOW = 64;
/** The most windows that are kept. */
const MOST = 32;
/** A piece up to this length is one token or a few: it is not cut. */
const WHOLE = 32;
/** Surrogates that end a character begin with these bits. */
const LOW_SURROGATE = 0xdc00;
const SURROGATE_BITS = 0xfc00;

/**
 * A few windows of a text that comes in pieces, spread evenly over all of it: their tokens per character are taken for
 * those of the whole. Systematic sampling: every nth window is kept, and n doubles when there are too many.
 */
export class TextSample {
  #kept: string[] = [];
  #stride = 1;
  /** Which window of the text is open, how many characters it has, and what of it is kept. */
  #index = 0;
  #filled = 0;
  #open = '';

  /** The windows, 32 of some 64 characters at the most. */
  get windows(): readonly string[] {
    return this.#open === '' ? this.#kept : [...this.#kept, this.#open];
  }

  add(piece: string): void {
    for (let from = 0; from < piece.length;) {
      const to = this.#cut(piece, from);
      if (this.#index % this.#stride === 0) this.#open += piece.slice(from, to);
      this.#filled += to - from;
      if (this.#filled >= WINDOW || to < piece.length) this.#next();
      from = to;
    }
  }

  #next(): void {
    if (this.#open !== '') this.#keep();
    this.#index++;
    this.#filled = 0;
  }

  #keep(): void {
    // A copy: a slice would keep the payload that it was cut from.
    this.#kept.push(Buffer.from(this.#open, 'utf16le').toString('utf16le'));
    this.#open = '';
    if (this.#kept.length < MOST) return;
    this.#stride *= 2;
    this.#kept = this.#kept.filter((_, at) => at % 2 === 0);
  }

  /** Where the piece leaves the open window: before a word's space if there is one, across which no token reaches. */
  #cut(piece: string, from: number): number {
    const room = WINDOW - this.#filled;
    if (piece.length - from <= Math.max(room, WHOLE)) return piece.length;
    const space = piece.slice(from, from + room + 1).lastIndexOf(' ');
    if (space > room / 2) return from + space;
    const to = from + room;
    return (piece.charCodeAt(to) & SURROGATE_BITS) === LOW_SURROGATE ? to + 1 : to;
  }
}
