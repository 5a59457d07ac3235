import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { fullJitterMs, retryAfterWaitMs } from './backoff.js';
import { seededRandom } from '../../test/support/seeded-random.js';

/** Largest distance between the empirical distribution and the uniform one on [0, 1]. */
function kolmogorovSmirnov(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted.reduce(
    (worst, value, index) => Math.max(worst, value - index / sorted.length, (index + 1) / sorted.length - value),
    0,
  );
}

describe('fullJitterMs', () => {
  const random = seededRandom(20261123);
  const clock = Object.assign(new ManualClock(), { random });
  const DRAWS = 10_000;

  it.each([
    [1, 100],
    [2, 200],
    [3, 400],
    [9, 2_000],
  ])('is uniform below the ceiling of retry %i', (retry, ceiling) => {
    const samples = Array.from({ length: DRAWS }, () => fullJitterMs(clock, retry, 60_000) / ceiling);
    // 1.628 / sqrt(n) is the critical distance for p = 0.01.
    expect(kolmogorovSmirnov(samples)).toBeLessThan(1.628 / Math.sqrt(DRAWS));
  });

  it('never exceeds the remaining deadline', () => {
    for (let n = 0; n < DRAWS; n++) expect(fullJitterMs(clock, 3, 30)).toBeLessThan(30);
    expect(fullJitterMs(clock, 1, -5)).toBe(0);
  });
});

describe('retryAfterWaitMs', () => {
  it('waits what was asked and up to 250 ms more', () => {
    expect(retryAfterWaitMs(new ManualClock([0]), 1_000, 3_000, 60_000)).toBe(1_000);
    expect(retryAfterWaitMs(new ManualClock([0.999]), 1_000, 3_000, 60_000)).toBeCloseTo(1_249.75);
  });

  it('gives the target up when the wait is too long or outlives the deadline', () => {
    expect(retryAfterWaitMs(new ManualClock([0]), 3_001, 3_000, 60_000)).toBeUndefined();
    expect(retryAfterWaitMs(new ManualClock([0.5]), 1_000, 3_000, 1_100)).toBeUndefined();
  });
});
