import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { seededRandom } from '../../test/support/seeded-random.js';
import { targetOf } from '../../test/support/target.js';
import { type Model, type Principal, type Target } from '../kernel/snapshot.js';
import { Router, type RouteWish, type TargetView } from './router.js';

const ALL = { providers: ['*'] } as unknown as Principal;
const NO_WISH: RouteWish = { pins: [], noFailover: false };
const USABLE: TargetView = { weightFactor: () => 1, probeDue: () => false, admitted: (targets) => targets };

function target(name: string, weight = 1, tier = 0, enabled = true): Target {
  const base = targetOf('simulated');
  return targetOf('simulated', { id: `${name}/m`, weight, tier, provider: { ...base.provider, name, enabled } });
}

function modelOf(...targets: Target[]): Model {
  return {
    name: 'm',
    targets,
    contextTokens: undefined,
    maxOutputTokens: undefined,
    reasoning: false,
    price: undefined,
    output: { maxCharacters: undefined, maxTokens: undefined },
  };
}

/** A router whose chance repeats for a seed. */
function routerOf(seed = 1): Router {
  const random = seededRandom(seed);
  return new Router(Object.assign(new ManualClock(), { random }));
}

const names = (plan: readonly Target[]): string[] => plan.map(({ provider }) => provider.name);

/** How often each provider comes first. */
function shares(router: Router, model: Model, requests: number, view = USABLE): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let request = 0; request < requests; request++) {
    const [first] = names(router.plan(model, ALL, NO_WISH, view));
    counts[first!] = (counts[first!] ?? 0) + 1;
  }
  return counts;
}

describe('Router', () => {
  it.each([1, 2, 3])('shares 10,000 requests at 70/20/10 within a percentage point (seed %i)', (seed) => {
    const model = modelOf(target('a', 70), target('b', 20), target('c', 10), target('spare', 0));
    const counts = shares(routerOf(seed), model, 10_000);
    for (const [name, wanted] of Object.entries({ a: 7_000, b: 2_000, c: 1_000 })) {
      expect(Math.abs(counts[name]! - wanted)).toBeLessThanOrEqual(100);
    }
    expect(counts).not.toHaveProperty('spare');
  });

  it('keeps every share within one request of its weight, in any stretch of cycles', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(weights, fc.integer(), fc.integer({ min: 1, max: 200 }), (list, seed, requests) => {
        const total = list.reduce((sum, weight) => sum + weight, 0);
        const counts = shares(routerOf(seed), modelOf(...list.map((weight, at) => target(`p${at}`, weight))), requests);
        for (const [at, weight] of list.entries()) {
          const fair = (requests * weight) / total;
          expect(Math.abs((counts[`p${at}`] ?? 0) - fair)).toBeLessThan(list.length);
        }
      }),
    );
  });

  it('spreads a target smoothly instead of in runs', () => {
    const router = routerOf();
    const model = modelOf(target('a', 2), target('b', 1));
    const firsts = Array.from({ length: 30 }, () => names(router.plan(model, ALL, NO_WISH, USABLE))[0]).join('');
    expect(firsts).not.toMatch(/aaa|bb/);
  });

  it('gives a recovering target the part of its weight that it may have', () => {
    const model = modelOf(target('a', 1), target('b', 1));
    const view: TargetView = { ...USABLE, weightFactor: ({ provider }) => (provider.name === 'b' ? 0.25 : 1) };
    const counts = shares(routerOf(), model, 1_000, view);
    expect(Math.abs(counts.b! - 200)).toBeLessThanOrEqual(2);
  });

  it('puts weight 0 after everything else of its tier, and before the next tier', () => {
    const model = modelOf(target('late', 5, 1), target('spare', 0), target('a', 3), target('b', 1));
    const router = routerOf();
    for (let request = 0; request < 50; request++) {
      const plan = names(router.plan(model, ALL, NO_WISH, USABLE));
      expect([...plan.slice(0, 2)].sort()).toEqual(['a', 'b']);
      expect(plan.slice(2)).toEqual(['spare', 'late']);
    }
  });

  it('plans nothing that is not admitted, even where a caller asks for one target alone', () => {
    const model = modelOf(target('a'), target('b'));
    const view: TargetView = {
      ...USABLE,
      admitted: (targets) => targets.filter(({ provider }) => provider.name !== 'a'),
    };
    for (let request = 0; request < 10; request++) {
      const wish: RouteWish = { pins: ['a'], noFailover: true };
      expect(names(routerOf().plan(model, ALL, wish, view))).toEqual(['b']);
    }
  });

  it('still lists a target that must not be used now: whoever tries may know better', () => {
    const model = modelOf(target('a'), target('b'));
    const view: TargetView = { ...USABLE, weightFactor: ({ provider }) => (provider.name === 'a' ? 0 : 1) };
    for (let request = 0; request < 10; request++) {
      expect(names(routerOf().plan(model, ALL, NO_WISH, view))).toEqual(['b', 'a']);
    }
  });

  it('puts a target whose recovery nobody has noticed in front of its equals, not of a better tier', () => {
    const recovered: TargetView = {
      ...USABLE,
      weightFactor: ({ provider }) => (provider.name === 'a' ? 0 : 1),
      probeDue: ({ provider }) => provider.name === 'a',
    };
    const plan = (wish: RouteWish, ...targets: Target[]): string[] =>
      names(routerOf().plan(modelOf(...targets), ALL, wish, recovered));
    expect(plan(NO_WISH, target('b'), target('a'), target('c', 0))).toEqual(['a', 'b', 'c']);
    expect(plan(NO_WISH, target('b'), target('a', 1, 1), target('c', 1, 1))).toEqual(['b', 'a', 'c']);
    // Spares are for failover; a request that may go nowhere else is no probe.
    expect(plan(NO_WISH, target('b'), target('a', 0))).toEqual(['b', 'a']);
    expect(plan({ pins: [], noFailover: true }, target('b'), target('a'))).toEqual(['b']);
  });

  it('tries pinned providers first, in the order of the pins, then the others', () => {
    const model = modelOf(target('a', 90), target('b', 10), target('c', 0, 1));
    const plan = routerOf().plan(model, ALL, { pins: ['c', 'b'], noFailover: false }, USABLE);
    expect(names(plan)).toEqual(['c', 'b', 'a']);
  });

  it('ignores a pin that does not serve the model', () => {
    const model = modelOf(target('a'));
    expect(names(routerOf().plan(model, ALL, { pins: ['other'], noFailover: false }, USABLE))).toEqual(['a']);
  });

  it('plans one target where failover is not wanted: the first pin, else the weighted choice', () => {
    const model = modelOf(target('a', 1), target('b', 1), target('c', 1, 1));
    const router = routerOf();
    expect(names(router.plan(model, ALL, { pins: ['c', 'a'], noFailover: true }, USABLE))).toEqual(['c']);
    expect(router.plan(model, ALL, { pins: [], noFailover: true }, USABLE)).toHaveLength(1);
  });

  it('uses neither disabled providers nor those that the principal may not use', () => {
    const model = modelOf(target('openai'), target('vllm-a'), target('vllm-b', 1, 0, false));
    const principal = { providers: ['vllm-*'] } as unknown as Principal;
    expect(names(routerOf().plan(model, principal, NO_WISH, USABLE))).toEqual(['vllm-a']);
    expect(() => routerOf().plan(model, { providers: ['none'] } as unknown as Principal, NO_WISH, USABLE)).toThrow(
      expect.objectContaining({ code: 'no_provider_available' }) as Error,
    );
  });

  it('plans every usable target exactly once, tier by tier, whatever is pinned', () => {
    const shape = fc.record({ weight: fc.integer({ min: 0, max: 3 }), tier: fc.integer({ min: 0, max: 2 }) });
    const shapes = fc.array(shape, { minLength: 1, maxLength: 6 });
    const pins = fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 5 });
    fc.assert(
      fc.property(shapes, pins, fc.integer(), (list, pinned, seed) => {
        const targets = list.map(({ weight, tier }, at) => target(`p${at}`, weight, tier));
        const wish: RouteWish = { pins: pinned.map((at) => `p${at}`), noFailover: false };
        const plan = routerOf(seed).plan(modelOf(...targets), ALL, wish, USABLE);
        expect([...names(plan)].sort()).toEqual(names(targets).sort());
        const rest = plan.filter(({ provider }) => !wish.pins.includes(provider.name));
        const tiers = rest.map(({ tier }) => tier);
        expect(tiers).toEqual([...tiers].sort((a, b) => a - b));
      }),
    );
  });
});
