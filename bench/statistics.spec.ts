import { describe, expect, it } from 'vitest';
import { meanAndError, quantiles, ratios, spread } from './statistics.mjs';

describe('spread', () => {
  it('takes the middle of an odd number and the mean of the two middles of an even one', () => {
    expect(spread([3, 1, 10])).toEqual({ min: 1, median: 3, max: 10 });
    expect(spread([10, 2])).toEqual({ min: 2, median: 6, max: 10 });
  });
});

describe('ratios', () => {
  it('compares within a round, so that a slow round does not widen the spread', () => {
    expect(ratios([20, 200], [10, 100])).toEqual({ min: 2, median: 2, max: 2 });
  });
});

describe('meanAndError', () => {
  it('is the surer of its mean the more values it has', () => {
    expect(meanAndError([1, 3])).toEqual({ mean: 2, error: 1 });
    expect(meanAndError([1, 3, 1, 3, 1, 3, 1, 3, 1, 3])).toEqual({
      mean: 2,
      error: expect.closeTo(1 / 3, 10) as number,
    });
  });

  it('claims no error where one value cannot tell it', () => {
    expect(meanAndError([5])).toEqual({ mean: 5, error: 0 });
  });
});

describe('quantiles', () => {
  it('sorts by size, whatever the digits, and never looks beyond the last', () => {
    const values = Array.from({ length: 100 }, (_, at) => 100 - at);
    expect(quantiles(values)).toEqual({ p50: 51, p90: 91, p99: 100, max: 100 });
    expect(quantiles([7])).toEqual({ p50: 7, p90: 7, p99: 7, max: 7 });
  });
});
