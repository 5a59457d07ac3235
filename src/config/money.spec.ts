import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { perMillionToPico, usdToNano } from './money.js';

const decimal = (units: bigint, digits: number): string => {
  const text = units.toString().padStart(digits + 1, '0');
  return `${text.slice(0, -digits)}.${text.slice(-digits)}`;
};
const safe = fc.bigInt({ min: 0n, max: BigInt(Number.MAX_SAFE_INTEGER) });

describe('money', () => {
  it.each([
    [25, 25_000_000_000],
    ['0.1', 100_000_000],
    [0.1, 100_000_000],
    ['1000', 1_000_000_000_000],
    ['0.000000001', 1],
    [1e-9, 1],
    ['1.50e2', 150_000_000_000],
    [0, 0],
    ['007.10', 7_100_000_000],
    ['1.0000000000000', 1_000_000_000],
  ])('reads %s USD as %i nano-USD', (usd, nano) => {
    expect(usdToNano(usd)).toBe(nano);
  });

  it.each([
    [0.15, 150_000],
    ['0.075', 75_000],
    [0.0375, 37_500],
    ['0.60', 600_000],
    [0, 0],
  ])('reads %s USD per million tokens as %i pico-USD per token', (usd, pico) => {
    expect(perMillionToPico(usd)).toBe(pico);
  });

  it.each([-1, '-0.5', '', ' 1', '1,5', '1.', '.5', 'NaN', NaN, Infinity, '0x10', '1e-10', '0.0000000001', '9007200'])(
    'has no nano-USD for %s',
    (usd) => {
      expect(usdToNano(usd)).toBeUndefined();
    },
  );

  it('refuses a price finer than a pico-USD per token', () => {
    expect(perMillionToPico('0.0000001')).toBeUndefined();
  });

  it('reads every amount of whole nano-USD back exactly', () => {
    fc.assert(fc.property(safe, (nano) => usdToNano(decimal(nano, 9)) === Number(nano)));
  });

  it('reads every price of whole pico-USD per token back exactly', () => {
    fc.assert(fc.property(safe, (pico) => perMillionToPico(decimal(pico, 6)) === Number(pico)));
  });

  it('reads a number as the decimal it is written as', () => {
    const cents = fc.integer({ min: 0, max: 100_000_000 });
    fc.assert(fc.property(cents, (number) => usdToNano(number / 100) === number * 10_000_000));
  });

  it('refuses every amount with a digit below the nano-USD', () => {
    const digit = fc.integer({ min: 1, max: 9 });
    const nano = fc.bigInt({ min: 0n, max: 10n ** 12n });
    fc.assert(fc.property(nano, digit, (units, last) => usdToNano(`${decimal(units, 9)}${last}`) === undefined));
  });
});
