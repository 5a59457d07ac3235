import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { type Target } from '../kernel/snapshot.js';
import { Overrides } from './overrides.js';

const target = (name: string, weight: number): Target =>
  ({ id: `${name}/m`, weight, provider: { name, weight } }) as unknown as Target;
const a = target('a', 70);
const b = target('b', 30);

describe('what operators set over the file', () => {
  it('changes nothing where nothing is set', () => {
    const overrides = new Overrides(new ManualClock());
    const targets = [a, b];
    expect(overrides.admitted(targets)).toBe(targets);
    expect(overrides.weightFactor(a)).toBe(1);
    expect(overrides.list()).toEqual([]);
  });

  it('excludes a drained provider until it is taken back', () => {
    const overrides = new Overrides(new ManualClock());
    overrides.drain('a');
    expect(overrides.admitted([a, b])).toEqual([b]);
    expect(overrides.list()).toEqual([{ provider: 'a', drained: true, weight: undefined, remainingMs: 0 }]);
    overrides.undrain('a');
    expect(overrides.admitted([a, b])).toEqual([a, b]);
  });

  it('weighs a provider anew until the override expires', () => {
    const clock = new ManualClock();
    const overrides = new Overrides(clock);
    overrides.setWeight('a', 7, 60_000);
    expect(overrides.weightFactor(a)).toBeCloseTo(0.1);
    expect(overrides.weightFactor(b)).toBe(1);
    clock.advanceSync(59_999);
    expect(overrides.list()).toEqual([{ provider: 'a', drained: false, weight: 7, remainingMs: 1 }]);
    clock.advanceSync(1);
    expect(overrides.weightFactor(a)).toBe(1);
    expect(overrides.list()).toEqual([]);
  });

  it('leaves a provider that the file keeps for failover alone', () => {
    const overrides = new Overrides(new ManualClock());
    overrides.setWeight('c', 10, 60_000);
    expect(overrides.weightFactor(target('c', 0))).toBe(1);
  });
});
