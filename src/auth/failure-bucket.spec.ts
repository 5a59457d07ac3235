import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { FailureBucket } from './failure-bucket.js';

describe('FailureBucket', () => {
  it('lets 20 failures a minute through per address, and tells when the next may come', () => {
    const clock = new ManualClock();
    const bucket = new FailureBucket(clock);
    for (let n = 0; n < 20; n++) expect(bucket.fail('10.0.0.1')).toBe(0);
    expect(bucket.fail('10.0.0.1')).toBe(3000);
    expect(bucket.fail('10.0.0.1')).toBe(3000);
    expect(bucket.fail('10.0.0.2')).toBe(0);
    clock.advanceSync(3000);
    expect(bucket.fail('10.0.0.1')).toBe(0);
    expect(bucket.fail('10.0.0.1')).toBe(3000);
  });

  it('remembers a bounded number of addresses, the latest to fail', () => {
    const bucket = new FailureBucket(new ManualClock());
    for (let n = 0; n < 20; n++) bucket.fail('busy');
    for (let n = 0; n < 9_999; n++) bucket.fail(`address-${n}`);
    expect(bucket.fail('busy')).toBeGreaterThan(0);
    bucket.fail('one-more');
    expect(bucket.size).toBe(10_000);
    expect(bucket.fail('busy')).toBeGreaterThan(0);
    expect(bucket.fail('__proto__')).toBe(0);
  });
});
