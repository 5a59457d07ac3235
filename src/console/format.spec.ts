import { describe, expect, it } from 'vitest';
import { amount, duration, percent, shortVersion, usd } from './format';

describe('numbers for people', () => {
  it.each([
    [null, '–'],
    [0, '0 ms'],
    [0.123, '0.12 ms'],
    [4.56, '4.6 ms'],
    [38.4, '38 ms'],
    [1_250, '1.25 s'],
    [61_000, '1 min 1 s'],
    [7_500_000, '2 h 5 min'],
  ])('writes %s ms as %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  it.each([
    [0.999, 2, '99.9\u00a0%'],
    [0.9995, 2, '99.95\u00a0%'],
    [0.254, 0, '25\u00a0%'],
    [-7.26, 0, '-726\u00a0%'],
  ])('writes the share %s with %s digits as %s', (share, digits, text) => {
    expect(percent(share, digits)).toBe(text);
  });

  it('gives small amounts more digits than large ones', () => {
    expect([0.254, 12.34, 1_250.4].map(amount)).toEqual(['0.25', '12.3', '1,250']);
    expect([0, 0.000016, 0.1234, 4.5].map(usd)).toEqual(['$0', '$0.000016', '$0.1234', '$4.5']);
  });

  it('shows the beginning of a version', () => {
    expect(shortVersion('0123456789abcdef')).toBe('0123456789ab');
  });
});
