import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { seededRandom } from '../../test/support/seeded-random.js';
import { targetOf } from '../../test/support/target.js';
import { type Model, type Principal, type Target } from '../kernel/snapshot.js';
import { Router, type RouteWish, type TargetOrder, type TargetView } from './router.js';

const ALL = { providers: ['*'] } as unknown as Principal;
const NO_WISH: RouteWish = { pins: [], noFailover: false };
const USABLE: TargetView = { weightFactor: () => 1, probeDue: () => false, admitted: (targets) => targets };

function target(name: string, weight = 1, tier = 0): Target {
  const base = targetOf('simulated');
  return targetOf('simulated', { id: `${name}/m`, weight, tier, provider: { ...base.provider, name } });
}

const modelOf = (...targets: Target[]): Model => ({ name: 'm', targets }) as unknown as Model;

const nameOf = ({ provider }: Target): string => provider.name;

/** Values by provider name. */
const by =
  (values: Readonly<Record<string, number>>) =>
  (of: Target): number =>
    values[nameOf(of)] ?? Infinity;

function plans(requests: number, targets: Target[], order: TargetOrder, view = USABLE, wish = NO_WISH): string[][] {
  const router = new Router(Object.assign(new ManualClock(), { random: seededRandom(1) }));
  const model = modelOf(...targets);
  return Array.from({ length: requests }, () =>
    router.plan(model, ALL, wish, view, order).map((planned) => nameOf(planned)),
  );
}

const share = (planned: readonly string[][], name: string): number =>
  planned.filter(([first]) => first === name).length / planned.length;

describe('least latency', () => {
  const order: TargetOrder = { by: 'latency', cost: by({ fast: 100, middle: 200, slow: 900 }) };

  it('begins with the cheaper of two drawn at random, and never with the dearest; the rest goes from cheap to dear', () => {
    const planned = plans(3_000, [target('slow'), target('fast'), target('middle')], order);
    expect(share(planned, 'slow')).toBe(0);
    expect(share(planned, 'fast')).toBeCloseTo(2 / 3, 1);
    expect(planned.find(([first]) => first === 'middle')).toEqual(['middle', 'fast', 'slow']);
    expect(planned.find(([first]) => first === 'fast')).toEqual(['fast', 'middle', 'slow']);
  });

  it('counts a target that recovers as dearer by what it may not yet have', () => {
    const view: TargetView = { ...USABLE, weightFactor: (of) => (nameOf(of) === 'fast' ? 0.1 : 1) };
    expect(plans(100, [target('fast'), target('middle')], order, view)).toEqual(
      Array.from({ length: 100 }, () => ['middle', 'fast']),
    );
  });

  it('puts last what must not be used now, and what has no weight', () => {
    const view: TargetView = { ...USABLE, weightFactor: (of) => (nameOf(of) === 'fast' ? 0 : 1) };
    expect(plans(1, [target('fast'), target('middle', 0), target('slow')], order, view)).toEqual([
      ['slow', 'fast', 'middle'],
    ]);
  });

  it('keeps tiers apart and pins in front', () => {
    const targets = [target('fast', 1, 1), target('slow'), target('middle', 1, 1)];
    const [planned] = plans(1, targets, order);
    expect(planned?.[0]).toBe('slow');
    const wish: RouteWish = { pins: ['slow'], noFailover: true };
    expect(plans(1, [target('fast'), target('slow')], order, USABLE, wish)).toEqual([['slow']]);
  });
});

describe('least cost', () => {
  it('goes from cheap to dear, unknown prices after all known ones', () => {
    const order: TargetOrder = { by: 'price', price: by({ free: 0, cheap: 5, dear: 9 }) };
    const planned = plans(50, [target('unknown'), target('dear'), target('free'), target('cheap')], order);
    expect(new Set(planned.map((names) => names.join()))).toEqual(new Set(['free,cheap,dear,unknown']));
  });

  it('shares what costs the same by weight', () => {
    const order: TargetOrder = { by: 'price', price: by({ a: 1, b: 1, dear: 2 }) };
    const planned = plans(1_000, [target('dear', 100), target('a', 3), target('b', 1)], order);
    expect(share(planned, 'a')).toBeCloseTo(0.75, 2);
    expect(share(planned, 'dear')).toBe(0);
  });

  it('leaves a tier only where everything in it must not be used now', () => {
    const order: TargetOrder = { by: 'price', price: by({ dear: 9, cheap: 1 }) };
    expect(plans(1, [target('dear'), target('cheap', 1, 1)], order)).toEqual([['dear', 'cheap']]);
    const view: TargetView = { ...USABLE, weightFactor: (of) => (nameOf(of) === 'cheap' ? 0 : 1) };
    expect(plans(1, [target('cheap'), target('dear')], order, view)).toEqual([['dear', 'cheap']]);
  });
});
