import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { LatencyTracker } from './latency-tracker.js';
import { WindowedQuantile } from './windowed-quantile.js';

describe('WindowedQuantile', () => {
  it('is within 5 % of the true quantile', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 2, max: 600_000 }), { minLength: 1, maxLength: 300 }),
        fc.constantFrom(0.01, 0.5, 0.95, 1),
        (values, q) => {
          const quantile = new WindowedQuantile(new ManualClock(), 300_000);
          for (const value of values) quantile.record(value);
          const truth = values.sort((a, b) => a - b)[Math.ceil(q * values.length) - 1]!;
          expect(Math.abs(quantile.quantile(q)! - truth)).toBeLessThanOrEqual(0.0501 * truth);
        },
      ),
    );
  });

  it('forgets what is older than its window', () => {
    const clock = new ManualClock();
    const quantile = new WindowedQuantile(clock, 300_000);
    quantile.record(10_000);
    clock.advanceSync(200_000);
    quantile.record(100);
    expect(quantile.count()).toBe(2);
    clock.advanceSync(160_000);
    expect(quantile.count()).toBe(1);
    expect(quantile.quantile(1)).toBeCloseTo(100, -1);
    clock.advanceSync(3_600_000);
    expect(quantile.quantile(0.5)).toBeUndefined();
  });

  it('takes absurd values without harm', () => {
    const quantile = new WindowedQuantile(new ManualClock(), 300_000);
    for (const value of [0, 1e12, Infinity]) quantile.record(value);
    expect(quantile.count()).toBe(3);
    expect(quantile.quantile(1)).toBeGreaterThan(3_000_000);
  });
});

describe('LatencyTracker', () => {
  it('believes bad news at once and good news slowly', () => {
    const clock = new ManualClock();
    const tracker = new LatencyTracker(clock);
    tracker.recordTtft(100);
    tracker.recordTtft(1_000);
    expect(tracker.cost(0)).toBe(1_000);
    clock.advanceSync(1_000);
    tracker.recordTtft(100);
    expect(tracker.cost(0)).toBeCloseTo(914, 0);
  });

  it('lets cost grow with what is in flight and fade while nothing is heard', () => {
    const clock = new ManualClock();
    const tracker = new LatencyTracker(clock);
    tracker.recordTtft(100);
    expect(tracker.cost(4)).toBe(500);
    clock.advanceSync(100_000);
    expect(tracker.cost(4)).toBe(5);
  });

  it('costs next to nothing while nothing is known: then those in flight decide', () => {
    const tracker = new LatencyTracker(new ManualClock());
    expect([tracker.cost(0), tracker.cost(99)]).toEqual([1, 100]);
  });

  it('averages how long a slot is held', () => {
    const tracker = new LatencyTracker(new ManualClock());
    expect(tracker.meanServiceMs()).toBeUndefined();
    tracker.recordService(100);
    tracker.recordService(200);
    expect(tracker.meanServiceMs()).toBeCloseTo(110);
  });
});
