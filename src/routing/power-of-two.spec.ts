import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { seededRandom } from '../../test/support/seeded-random.js';
import { cheaperOfTwo } from './power-of-two.js';

describe('cheaperOfTwo', () => {
  it('never takes the dearest of three or more, and takes the only one there is', () => {
    const clock = Object.assign(new ManualClock(), { random: seededRandom(7) });
    const costs = [5, 1, 9, 3];
    const taken = [0, 0, 0, 0];
    for (let n = 0; n < 6_000; n++) taken[cheaperOfTwo(clock, 4, (index) => costs[index]!)]!++;
    expect(taken[2]).toBe(0);
    // The cheapest wins whenever it is one of the two: in half of the draws.
    expect(taken[1]! / 6_000).toBeCloseTo(0.5, 1);
    expect(cheaperOfTwo(clock, 1, () => 1)).toBe(0);
  });
});
