import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ulid } from './ulid.js';

describe('ulid', () => {
  it('writes the time as the specification does', () => {
    expect(ulid(1_469_918_176_385).slice(0, 10)).toBe('01ARYZ6S41');
    expect(ulid(0).slice(0, 10)).toBe('0000000000');
    expect(ulid(2 ** 48 - 1).slice(0, 10)).toBe('7ZZZZZZZZZ');
  });

  it("is 26 characters of Crockford's base 32", () => {
    for (let count = 0; count < 1_000; count++) expect(ulid(count)).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
  });

  it('sorts by time', () => {
    const instant = fc.integer({ min: 0, max: 2 ** 48 - 1 });
    fc.assert(
      fc.property(instant, instant, (a, b) => {
        if (a !== b) expect(ulid(a) < ulid(b)).toBe(a < b);
      }),
    );
  });

  it('does not repeat within a millisecond', () => {
    expect(new Set(Array.from({ length: 10_000 }, () => ulid(1))).size).toBe(10_000);
  });
});
