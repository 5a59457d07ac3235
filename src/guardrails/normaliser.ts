import {
  CLASS,
  classOf,
  EXTENDER,
  foldPair,
  foldSegmentCached,
  IGNORABLE,
  isHighSurrogate,
  isLowSurrogate,
  joinSurrogates,
  SIMPLE,
  SINGLE_UNIT,
} from './code-point.js';
import { NormalisedText } from './normalised-text.js';

const SPACE = 0x20;
const LAST_UNIT = 0xffff;
/** A base with more marks than any script writes is cut, so that nothing is held without end (UAX #15, stream-safe). */
const LONGEST_SEGMENT = 64;

/**
 * Normalises text that arrives in pieces: default-ignorable code points removed, NFKC, full case folding,
 * white space collapsed. How the text is cut into pieces does not change the result.
 *
 * It works on segments, a base with its marks: no rule of NFKC reaches over the border between two.
 * The last segment stays open until something that is no mark follows it.
 */
export class Normaliser {
  readonly text = new NormalisedText();
  /** The open segment, one code point; -1 where there is none, or where `#segment` holds it. */
  #single = -1;
  /** The mark on `#single` where both are of one code unit, as in decomposed text; 0 = none. */
  #mark = 0;
  /** The open segment where it is longer than one code point. */
  #segment = '';
  #segmentStart = 0;
  /** The open segment's units stand in the window. */
  #written = true;
  /** The first half of a surrogate pair that ended the last piece; 0 = none. */
  #high = 0;

  reset(): void {
    this.text.reset();
    this.#single = -1;
    this.#mark = 0;
    this.#segment = '';
    this.#written = true;
    this.#high = 0;
  }

  /** Takes the next piece: `source` from `from` to before `to`. */
  push(source: string, from = 0, to = source.length): void {
    if (from >= to) return;
    const { text } = this;
    let at = from;
    if (this.#high !== 0) at += this.#finishPair(source.charCodeAt(at));
    // Source offset of source[0].
    const shift = text.consumed - at;
    const last = source.charCodeAt(to - 1);
    const end = at < to && isHighSurrogate(last) ? to - 1 : to;
    while (at < end) {
      at = this.#run(source, at, end, shift);
      if (at === end) break;
      const codePoint = source.codePointAt(at) ?? 0;
      this.#take(codePoint, at + shift);
      at += codePoint > 0xffff ? 2 : 1;
    }
    text.consumed = at + shift;
    if (end !== to) this.#high = last;
    text.unfinished = this.#high !== 0;
    if (!this.#written) this.#write();
  }

  /** The text ends: closes the open segment. */
  finish(): void {
    if (this.#high !== 0) this.#finishPair(-1);
    this.text.unfinished = false;
    this.#close();
  }

  /** Takes the held half of a pair with the unit that follows it; returns how many units of the new piece it used. */
  #finishPair(next: number): number {
    const pair = isLowSurrogate(next);
    this.#take(pair ? joinSurrogates(this.#high, next) : this.#high, this.text.consumed);
    this.text.consumed += pair ? 2 : 1;
    this.#high = 0;
    return pair ? 1 : 0;
  }

  /** The common case: code units that become one unit each. Returns where it stopped. */
  #run(source: string, from: number, to: number, shift: number): number {
    const { text } = this;
    const { origin } = text;
    let code = source.charCodeAt(from);
    if (CLASS[code] !== SIMPLE) return from;
    this.#close();
    text.reserve(to - from);
    const { units, starts } = text;
    let at = from;
    let size = text.end - origin;
    let last = size === 0 ? 0 : (units[size - 1] ?? 0);
    let before: number;
    for (;;) {
      const unit = SINGLE_UNIT[code] ?? 0;
      before = size;
      if (unit !== SPACE || last !== SPACE) {
        units[size] = unit;
        starts[size] = at + shift;
        size++;
        last = unit;
      }
      if (++at === to) break;
      const next = source.charCodeAt(at);
      if (CLASS[next] !== SIMPLE) break;
      code = next;
    }
    this.#single = code;
    this.#segmentStart = at - 1 + shift;
    text.closed = origin + before;
    text.end = origin + size;
    return at;
  }

  /** One code point of any kind. */
  #take(codePoint: number, start: number): void {
    const kind = classOf(codePoint);
    if (kind === IGNORABLE) return;
    if (kind === EXTENDER && this.#open && this.#segment.length < LONGEST_SEGMENT) {
      this.#extend(codePoint);
      this.text.end = this.text.closed;
    } else {
      this.#close();
      this.#single = codePoint;
      this.#segmentStart = start;
    }
    this.#written = false;
  }

  #extend(mark: number): void {
    if (this.#mark === 0 && this.#single >= 0 && this.#single <= LAST_UNIT && mark <= LAST_UNIT) {
      this.#mark = mark;
      return;
    }
    this.#segment = this.#openText + String.fromCodePoint(mark);
    this.#single = -1;
    this.#mark = 0;
  }

  get #openText(): string {
    if (this.#single < 0) return this.#segment;
    const base = String.fromCodePoint(this.#single);
    return this.#mark === 0 ? base : base + String.fromCharCode(this.#mark);
  }

  get #open(): boolean {
    return this.#single >= 0 || this.#segment !== '';
  }

  #close(): void {
    if (!this.#written) this.#write();
    this.text.closed = this.text.end;
    this.#single = -1;
    this.#mark = 0;
    this.#segment = '';
  }

  /** Puts the open segment's units behind the closed ones. */
  #write(): void {
    this.#written = true;
    const { text } = this;
    const composed = this.#mark === 0 ? 0 : foldPair(this.#single, this.#mark);
    if (composed !== 0) {
      text.reserve(1);
      this.#put(composed);
      return;
    }
    const folded = foldSegmentCached(this.#openText);
    text.reserve(folded.length);
    for (let at = 0; at < folded.length; at++) {
      const unit = folded.charCodeAt(at);
      if (unit !== SPACE || text.unitAt(text.end - 1) !== SPACE) this.#put(unit);
    }
  }

  #put(unit: number): void {
    const { text } = this;
    const place = text.end - text.origin;
    text.units[place] = unit;
    text.starts[place] = this.#segmentStart;
    text.end++;
  }
}

/** A whole text, normalised. */
export function normalise(source: string): string {
  const normaliser = new Normaliser();
  normaliser.push(source);
  normaliser.finish();
  const { text } = normaliser;
  let result = '';
  for (let at = 0; at < text.end; at++) result += String.fromCharCode(text.unitAt(at));
  return result;
}
