import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasValidChecksum, looksMinted, maskKey, mintKey } from './api-key-format.js';

describe('minted keys', () => {
  it('have the form gw_live_, 43 characters and 6 of checksum', () => {
    for (let n = 0; n < 100; n++) {
      const key = mintKey();
      expect(key).toMatch(/^gw_live_[0-9A-Za-z]{49}$/);
      expect(hasValidChecksum(key)).toBe(true);
    }
  });

  it('are never alike', () => {
    expect(new Set(Array.from({ length: 1000 }, mintKey)).size).toBe(1000);
  });

  it('are recognised as wrong when any one character is', () => {
    const key = mintKey();
    fc.assert(
      fc.property(
        fc.integer({ min: 8, max: key.length - 1 }),
        fc.constantFrom('0', 'A', 'z', '9', '!'),
        (at, character) => {
          fc.pre(key[at] !== character);
          expect(hasValidChecksum(key.slice(0, at) + character + key.slice(at + 1))).toBe(false);
        },
      ),
    );
  });

  it('have one length', () => {
    expect(hasValidChecksum('gw_live_')).toBe(false);
    expect(hasValidChecksum(`${mintKey()}0`)).toBe(false);
  });

  it('are told from keys of other forms', () => {
    expect([looksMinted(mintKey()), looksMinted('sk-123')]).toEqual([true, false]);
  });

  it('show their last four characters at most', () => {
    expect(maskKey('gw_live_abcdefgh')).toBe('gw_live_…efgh');
    expect(maskKey('a secret of another form')).toBe('…');
  });
});
