import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatNanoUsd } from './money-format.js';

describe('formatNanoUsd', () => {
  it.each([
    [0, '0'],
    [1, '0.000000001'],
    [1_500_000, '0.0015'],
    [1_000_000_000, '1'],
    [10_000_000_000, '10'],
    [25_000_000_001, '25.000000001'],
    [-1_500_000, '-0.0015'],
  ])('writes %i nano-USD as %s', (nano, text) => {
    expect(formatNanoUsd(nano)).toBe(text);
  });

  it('loses nothing, up to the largest safe amount', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (nano) => {
        const [whole = '', fraction = ''] = formatNanoUsd(nano).replace('-', '').split('.');
        expect(BigInt(whole + fraction.padEnd(9, '0'))).toBe(BigInt(Math.abs(nano)));
        expect(fraction.endsWith('0')).toBe(false);
      }),
    );
  });
});
