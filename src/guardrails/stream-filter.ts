import { byPlace, FieldScanner, type SourceMatch } from './field-scanner.js';
import { type Rule } from './rule.js';

/** What stands in the place of a redacted text. */
export const REDACTION = '***';

/**
 * One text field of one choice on its way to the caller. What may be the beginning of a match is held back;
 * all else leaves at once and unchanged.
 */
export class StreamFilter {
  /** A blocking rule matched: the field has ended, and nothing of the match has left. */
  blocked = false;
  readonly #scanner: FieldScanner;
  /** Not released yet. */
  #held = '';
  /** Source offset of `#held`. */
  #heldFrom = 0;
  /** Redacted up to this offset. */
  #redactedTo = 0;
  /** Matches that are known and not acted upon. */
  #matches: SourceMatch[] = [];

  /** @param report called for each match that counts, in the order of their places */
  constructor(
    rules: readonly Rule[],
    private readonly report: (match: SourceMatch) => void,
  ) {
    this.#scanner = new FieldScanner(rules);
  }

  /** UTF-16 units held back. */
  get held(): number {
    return this.#held.length;
  }

  /** Takes the next piece and returns what may leave now: the very piece where nothing is held. */
  push(text: string): string {
    if (this.blocked || text === '') return '';
    const scanner = this.#scanner;
    const end = this.#heldFrom + this.#held.length + text.length;
    scanner.push(text);
    if (this.#held === '' && this.#isClear(end)) {
      this.#heldFrom = end;
      return text;
    }
    this.#held += text;
    return this.#release(scanner.floor);
  }

  /** The field ends: returns the rest. */
  finish(): string {
    if (this.blocked) return '';
    this.#scanner.finish();
    return this.#release(Number.POSITIVE_INFINITY);
  }

  #isClear(end: number): boolean {
    return this.#scanner.floor === end && this.#scanner.matches.length === 0 && this.#redactedTo <= this.#heldFrom;
  }

  /** Acts upon the matches that begin before `floor`: none that is unknown can begin there. */
  #release(floor: number): string {
    const known = this.#scanner.matches;
    if (known.length > 0) {
      this.#matches = [...this.#matches, ...known].sort(byPlace);
      known.length = 0;
    }
    let out = '';
    let acted = 0;
    for (const match of this.#matches) {
      if (match.start >= floor) break;
      acted++;
      this.report(match);
      if (match.action === 'flag') continue;
      out += this.#take(match.start);
      if (match.action === 'block') {
        this.blocked = true;
        this.#held = '';
        return out;
      }
      if (match.start >= this.#redactedTo) out += REDACTION;
      this.#redactedTo = Math.max(this.#redactedTo, match.end);
    }
    if (acted > 0) this.#matches.splice(0, acted);
    return out + this.#take(floor);
  }

  /** The held text up to an offset, without what is redacted. */
  #take(to: number): string {
    const from = Math.max(this.#heldFrom, this.#redactedTo);
    const text = this.#held.slice(Math.min(from, to) - this.#heldFrom, Math.max(0, to - this.#heldFrom));
    const until = Math.max(this.#heldFrom, Math.min(to, this.#heldFrom + this.#held.length));
    const result = from < to ? text : '';
    this.#held = this.#held.slice(until - this.#heldFrom);
    this.#heldFrom = until;
    return result;
  }
}
