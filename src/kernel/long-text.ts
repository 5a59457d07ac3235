const BACKSLASH = 0x5c;
const SMALL_U = 0x75;
const FIRST_PRINTABLE = 0x20;
/** By the byte that follows a backslash: 1 where the two make an escape. */
const SHORT_ESCAPES = new Uint8Array(256);
for (const kind of Buffer.from('"\\/bfnrt')) SHORT_ESCAPES[kind] = 1;
const HEX_DIGITS = 4;
const NO_ESCAPE = -1;
/** Four bytes at once. */
const SPACES = 0x20202020;
const ONES = 0x01010101;
const BACKSLASHES = 0x5c5c5c5c;
const HIGH_BITS = 0x80808080;

/** Where a string's text lies: between its quotes, `end` exclusive. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Whether a JSON parser would accept these bytes, which are UTF-8 and have no quote but escaped ones, as the text of a
 * string: no control character, no unknown escape. Looks at four bytes at once for one that needs a closer look (the
 * test for a small byte in a word: Anderson, Bit Twiddling Hacks), so that a long text need not be made a string.
 */
export function isTextOfString(bytes: Buffer, { start, end }: TextRange): boolean {
  const aligned = -bytes.byteOffset & 3;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + aligned, Math.max(0, bytes.length - aligned) >> 2);
  for (let at = start; at < end;) {
    if (((at - aligned) & 3) === 0) {
      at = aligned + 4 * plainWords(words, (at - aligned) >> 2, (end - aligned) >> 2);
      if (at >= end) return true;
    }
    const byte = bytes[at] ?? 0;
    if (byte < FIRST_PRINTABLE) return false;
    at = byte === BACKSLASH ? afterEscape(bytes, at, end) : at + 1;
    if (at === NO_ESCAPE) return false;
  }
  return true;
}

/** The index of the first word from `from` on that holds a control character or a backslash, or `to`. */
function plainWords(words: Int32Array, from: number, to: number): number {
  let at = from;
  for (; at < to; at++) {
    const word = words[at] ?? 0;
    const escapes = word ^ BACKSLASHES;
    if (((((word - SPACES) & ~word) | ((escapes - ONES) & ~escapes)) & HIGH_BITS) !== 0) break;
  }
  return at;
}

/** The index behind the escape that begins at `at`, or NO_ESCAPE. */
function afterEscape(bytes: Buffer, at: number, end: number): number {
  const kind = bytes[at + 1] ?? 0;
  if (SHORT_ESCAPES[kind] === 1) return at + 2;
  const behind = at + 2 + HEX_DIGITS;
  const isHex = kind === SMALL_U && behind <= end && /^[\da-f]{4}$/i.test(bytes.toString('latin1', at + 2, behind));
  return isHex ? behind : NO_ESCAPE;
}

/** The first index at or behind `start + most` that splits neither a character nor an escape. */
export function cutOf(bytes: Buffer, { start, end }: TextRange, most: number): number {
  let at = start;
  while (at < Math.min(end, start + most)) {
    const byte = bytes[at] ?? 0;
    if (byte === BACKSLASH) at += bytes[at + 1] === SMALL_U ? 2 + HEX_DIGITS : 2;
    else if (byte < 0x80) at += 1;
    else at += byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
  }
  return at;
}
