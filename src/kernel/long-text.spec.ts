import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutOf, isTextOfString } from './long-text.js';

/** The bytes at an offset of a larger piece of memory, as parts of a network read are. */
function placed(text: Buffer, offset: number): Buffer {
  const memory = new Uint8Array(text.length + offset + 7).fill(0x22);
  memory.set(text, offset);
  return Buffer.from(memory.buffer, offset, text.length);
}
const all = (bytes: Buffer) => ({ start: 0, end: bytes.length });

function parses(text: Buffer): boolean {
  try {
    JSON.parse(`"${text.toString()}"`);
    return true;
  } catch {
    return false;
  }
}

/** What strings are made of, the forbidden too; never a bare quote, at which a string would have ended. */
const pieces = fc.constantFrom(
  ...['a', ' ', 'é', '漢', '🦉', '\\n', '\\"', '\\\\', '\\/', '\\u00e9', '\\uD83D', '\u007f', '\u2028'],
  ...['\n', '\u0000', '\u001f', '\\x', '\\u12', '\\u12g4', '\\U0041', 'plain words between them'],
);

describe('the text of a string, in its bytes', () => {
  it('is accepted where JSON.parse accepts it, wherever it lies in memory', () => {
    const texts = fc.array(pieces, { maxLength: 24 }).map((list) => list.join(''));
    fc.assert(
      fc.property(texts, fc.nat(9), (text, offset) => {
        const bytes = Buffer.from(text);
        // A lone backslash at the end would escape the closing quote: the string had not ended there.
        fc.pre(!/(?:^|[^\\])(?:\\\\)*\\$/.test(text));
        expect(isTextOfString(placed(bytes, offset), all(bytes))).toBe(parses(bytes));
      }),
      { numRuns: 3_000 },
    );
  });

  it.each(Array.from({ length: 32 }, (_, code) => code))(
    'may not hold the control character %i, at any place',
    (code) => {
      for (let at = 0; at < 12; at++) {
        const bytes = Buffer.from('twelve chars');
        bytes[at] = code;
        expect(isTextOfString(bytes, all(bytes))).toBe(false);
      }
    },
  );

  it('is told from what stands around it', () => {
    const bytes = Buffer.from('\n\n\nfine text\n\n\n');
    expect(isTextOfString(bytes, { start: 3, end: 12 })).toBe(true);
    expect(isTextOfString(bytes, { start: 2, end: 12 })).toBe(false);
    expect(isTextOfString(bytes, { start: 3, end: 13 })).toBe(false);
  });
});

describe('the cut of a text', () => {
  it('splits neither a character nor an escape', () => {
    const good = fc.constantFrom('a', 'é', '漢', '🦉', '\\n', '\\"', '\\\\', '\\u00e9');
    fc.assert(
      fc.property(fc.array(good, { minLength: 1 }), fc.nat(40), (list, most) => {
        const bytes = Buffer.from(list.join(''));
        const cut = cutOf(bytes, all(bytes), most);
        expect(cut).toBeGreaterThanOrEqual(Math.min(most, bytes.length));
        expect(cut).toBeLessThanOrEqual(Math.min(most + 5, bytes.length));
        const kept = bytes.subarray(0, cut);
        expect(kept.toString()).not.toContain('\uFFFD');
        expect(parses(kept)).toBe(true);
      }),
    );
  });
});
