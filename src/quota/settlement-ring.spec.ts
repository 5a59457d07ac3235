import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aPrincipal } from '../../test/support/principal.js';
import { type Settlement } from './quota-store.js';
import { SettlementRing } from './settlement-ring.js';

const principals = [aPrincipal({ keyId: 'a' }), aPrincipal({ keyId: 'b' })] as const;

function settlementOf(number: number): Settlement {
  const reservation = {
    id: `id-${number}`,
    principal: principals[number % 2 ? 0 : 1],
    tokens: number,
    costNanoUsd: 2 ** 52 + number,
    admittedAtUs: 1_800_000_000_000_000 + number,
    heldBy: number % 3 ? 'store' : 'local',
  } as const;
  return { reservation, costNanoUsd: number * 7, tokens: number * 3 };
}

describe('a ring of settlements', () => {
  it('gives back what it was given, the newest so many of those that are young enough', () => {
    // Steps in time, and how many settle at each.
    const steps = fc.array(fc.tuple(fc.nat(50), fc.integer({ min: 1, max: 900 })), { maxLength: 12 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 3_000 }), (given, most) => {
        const ring = new SettlementRing(most);
        let model: { settlement: Settlement; at: number }[] = [];
        let now = 0;
        let number = 0;
        for (const [passed, settled] of given) {
          now += passed;
          ring.forgetBefore(now - 100);
          model = model.filter(({ at }) => at >= now - 100);
          for (let n = 0; n < settled; n++) {
            const settlement = settlementOf(number++);
            ring.add(settlement, now);
            model.push({ settlement, at: now });
          }
          model = model.slice(-most);
        }
        expect(ring.all()).toEqual(model.map(({ settlement }) => settlement));
      }),
      { numRuns: 50 },
    );
  });
});
