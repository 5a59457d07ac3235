import { describe, expect, it } from 'vitest';
import { ratios, spread } from './statistics.mjs';

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
