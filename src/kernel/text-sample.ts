/** How much of a text is enough to tell its tokens per character, UTF-16 units. */
const ENOUGH = 4_096;

/** The beginning of a text that comes in pieces: its tokens per character are taken for those of the whole. */
export class TextSample {
  #text = '';
  #characters = 0;

  /** Whether more is wanted. */
  get wanting(): boolean {
    return this.#text.length < ENOUGH;
  }

  get text(): string {
    return this.#text;
  }

  /** How many characters, as they were counted, the sample stands for. */
  get characters(): number {
    return this.#characters;
  }

  /** @param characters what the piece was counted as */
  add(piece: string, characters = piece.length): void {
    const kept = piece.slice(0, ENOUGH - this.#text.length);
    if (kept === '') return;
    this.#text += kept;
    this.#characters += (characters * kept.length) / piece.length;
  }
}
