/** What a code point is to the normaliser. */
export const UNKNOWN = 0;
/** Becomes exactly one UTF-16 unit: `SINGLE_UNIT` holds it. */
export const SIMPLE = 1;
/** Becomes several units, or is several. */
export const COMPLEX = 2;
/** Joins what stands before it: combining marks, Hangul vowels and finals, and what decomposes into them. */
export const EXTENDER = 3;
/** Draws nothing: soft hyphen, zero-width characters, variation selectors, bidi controls. */
export const IGNORABLE = 4;

const SPACE = 0x20;
const IGNORED = /\p{Default_Ignorable_Code_Point}/u;
// Marks and the Hangul letters that compose; Kirat Rai vowels compose, too, and are letters (Unicode 16).
const EXTENDING = /^[\p{M}\u1160-\u11ff\ud7b0-\ud7ff\u{16d63}-\u{16d6a}]/u;
const WORD = /^[\p{L}\p{N}\p{M}]/u;
const SURROGATE = /\p{Cs}/u;
const WHITE = /[\s\u0085]/gu;

/** Classes by code point, filled on first sight: a code point never changes its class. */
export const CLASS = new Uint8Array(0x110000);
/** The unit that a simple code unit becomes. */
export const SINGLE_UNIT = new Uint16Array(0x10000);

/** The class of a code point; a lone surrogate is one, too. */
export function classOf(codePoint: number): number {
  const known = CLASS[codePoint] ?? UNKNOWN;
  if (known !== UNKNOWN) return known;
  const text = String.fromCodePoint(codePoint);
  const found = classify(text);
  if (found === SIMPLE) SINGLE_UNIT[codePoint] = foldSegment(text).charCodeAt(0);
  CLASS[codePoint] = found;
  return found;
}

/** Joins what stands before it. */
export function isExtender(codePoint: number): boolean {
  return classOf(codePoint) === EXTENDER;
}

function classify(text: string): number {
  if (IGNORED.test(text)) return IGNORABLE;
  if (EXTENDING.test(text.normalize('NFKD'))) return EXTENDER;
  // A lone surrogate is never simple: its unit means something else in a pair.
  return text.length === 1 && foldSegment(text).length === 1 && !SURROGATE.test(text) ? SIMPLE : COMPLEX;
}

/**
 * Compatibility form, then full case folding, composed again; white space becomes U+0020, not yet collapsed.
 * Lower, upper, lower is folding without a table: it joins ß, ẞ and SS, and the dotless with the dotted i.
 * @param text without default-ignorable code points
 */
export function foldSegment(text: string): string {
  const folded = text.normalize('NFKC').toLowerCase().toUpperCase().toLowerCase();
  return folded.replaceAll('ς', 'σ').replaceAll('i\u0307', 'i').normalize('NFKC').replace(WHITE, ' ');
}

const FOLDED = new Map<string, string>();
const MOST_FOLDED = 8192;
/** Longer segments are rare, and too many to remember. */
const LONGEST_FOLDED = 4;

/** `foldSegment`, remembered where it is likely to come again. */
export function foldSegmentCached(segment: string): string {
  const known = FOLDED.get(segment);
  if (known !== undefined) return known;
  const folded = foldSegment(segment);
  if (segment.length <= LONGEST_FOLDED && FOLDED.size < MOST_FOLDED) FOLDED.set(segment, folded);
  return folded;
}

const PAIRS = 1 << 14;
/** A cache of one place per pair, the newer one in: a base and its mark, and the unit that they become, 0 for several. */
const PAIR = new Uint32Array(PAIRS);
const PAIR_UNIT = new Uint16Array(PAIRS);
/** Spreads the bits of a pair (multiplicative hashing, Knuth vol. 3, 6.4). */
const SPREAD = 0x9e3779b1;

/** What a base and one mark, of one code unit each, fold to where that is one unit and no space; 0 where it is not. */
export function foldPair(base: number, mark: number): number {
  const pair = ((base << 16) | mark) >>> 0;
  const place = Math.imul(pair, SPREAD) >>> 18;
  if (PAIR[place] === pair) return PAIR_UNIT[place] ?? 0;
  const folded = foldSegment(String.fromCharCode(base, mark));
  const unit = folded.length === 1 && folded !== ' ' ? folded.charCodeAt(0) : 0;
  PAIR[place] = pair;
  PAIR_UNIT[place] = unit;
  return unit;
}

/** A letter, number or mark: what `word: true` tolerates on neither side. */
export function isWordCharacter(codePoint: number): boolean {
  if (codePoint < 0x80) {
    const lower = codePoint | SPACE;
    return (lower >= 0x61 && lower <= 0x7a) || (codePoint >= 0x30 && codePoint <= 0x39);
  }
  return WORD.test(String.fromCodePoint(codePoint));
}

export function isHighSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xd800;
}

export function isLowSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xdc00;
}

export function joinSurrogates(high: number, low: number): number {
  return ((high - 0xd800) << 10) + (low - 0xdc00) + 0x10000;
}

for (let code = 0; code < 0x80; code++) classOf(code);
