import { describe, expect, it } from 'vitest';
import { nearestKey } from './nearest-key.js';

const KNOWN = ['firstTokenMs', 'idleMs', 'weight', 'tier'];

describe('the nearest known key', () => {
  it.each([
    ['wieght', 'weight'],
    ['WEIGHT', 'weight'],
    ['first_token_ms', 'firstTokenMs'],
    ['first-token', 'firstTokenMs'],
    ['idle', 'idleMs'],
    ['teir', 'tier'],
  ])('of %s is %s', (found, nearest) => {
    expect(nearestKey(found, KNOWN)).toBe(nearest);
  });

  it.each(['zebra', '', 'x', 'constructor'])('of %j is none', (found) => {
    expect(nearestKey(found, KNOWN)).toBeUndefined();
  });

  it('takes no longer for a very long key', () => {
    expect(nearestKey('w'.repeat(1_000_000), KNOWN)).toBeUndefined();
  });
});
