import { describe, expect, it } from 'vitest';
import { EventBuckets } from './event-buckets.js';

const MINUTE = 60_000;

describe('event buckets', () => {
  it('count what lies in the window, and no more', () => {
    const buckets = new EventBuckets();
    buckets.add(0, false);
    buckets.add(10 * MINUTE, true);
    expect(buckets.count(10 * MINUTE, 5 * MINUTE)).toEqual({ good: 1, bad: 0 });
    expect(buckets.count(10 * MINUTE, 60 * MINUTE)).toEqual({ good: 1, bad: 1 });
    expect(buckets.count(15 * MINUTE, 5 * MINUTE)).toEqual({ good: 0, bad: 0 });
  });

  it('forget after three days, also where nothing happened in between', () => {
    const buckets = new EventBuckets();
    buckets.add(MINUTE, false);
    expect(buckets.count(4320 * MINUTE, 4320 * MINUTE).bad).toBe(1);
    expect(buckets.count(4321 * MINUTE, 4320 * MINUTE).bad).toBe(0);
    buckets.add(99_999 * MINUTE, true);
    expect(buckets.count(99_999 * MINUTE, 4320 * MINUTE)).toEqual({ good: 1, bad: 0 });
  });
});
