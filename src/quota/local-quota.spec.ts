import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { aBudget, aPrincipal } from '../../test/support/principal.js';
import { LocalQuota } from './local-quota.js';
import { localShare } from './local-share.js';
import { MemoryQuotaStore } from './memory-quota-store.js';
import { type Reservation } from './quota-store.js';

const LEASE_MS = 30_000;
const GATEWAYS = 3;

describe('what a gateway decides while the shared store is away', () => {
  const principal = aPrincipal({ limits: { tokensPerMinute: 6_000, concurrentRequests: GATEWAYS } });
  let clock: ManualClock;
  let store: MemoryQuotaStore;
  let local: LocalQuota;

  beforeEach(() => {
    clock = new ManualClock();
    store = new MemoryQuotaStore(clock, { leaseMs: LEASE_MS, onLeaseExpiry: 'release' });
    local = new LocalQuota(store, () => GATEWAYS);
  });

  const hold = (id: string, tokens: number): Reservation => {
    const result = local.acquire({ id, principal, tokens, costNanoUsd: 0 });
    if (!result.admitted) throw new Error(result.reason);
    return result.reservation;
  };

  it('keeps what runs beyond its lease, as long as it is renewed', async () => {
    const { id } = hold('one', 10);
    await clock.advance(LEASE_MS - 1);
    expect(local.renew(principal, [id, 'of the shared store'])).toEqual(['of the shared store']);
    await clock.advance(LEASE_MS - 1);
    expect(local.sweep()).toBe(0);
    expect(local.acquire({ id: 'two', principal, tokens: 10, costNanoUsd: 0 })).toMatchObject({
      admitted: false,
      reason: 'concurrency',
    });
    await clock.advance(1);
    expect(local.sweep()).toBe(1);
    expect(local.acquire({ id: 'three', principal, tokens: 10, costNanoUsd: 0 })).toMatchObject({ admitted: true });
  });

  it('gives back what was not used', () => {
    const reservation = hold('one', 2_000);
    local.settle({ reservation, costNanoUsd: 0, tokens: 500 });
    const { levels } = store.usage(localShare(principal, GATEWAYS));
    expect(levels.tokens).toMatchObject({ limit: 2_000, remaining: 1_500 });
  });

  it('books nothing on budgets, of which it has no share, not even what comes late', async () => {
    const budgeted = aPrincipal({ budgets: [aBudget(1_000)], budgetOnRedisDown: 'allow', limits: principal.limits });
    const result = local.acquire({ id: 'one', principal: budgeted, tokens: 10, costNanoUsd: 100 });
    if (!result.admitted) throw new Error(result.reason);
    await clock.advance(LEASE_MS + 1);
    local.sweep();
    expect(local.settle({ reservation: result.reservation, costNanoUsd: 60, tokens: 10 })).toBe('late');
    expect(store.usage(budgeted).budgets).toMatchObject([{ spentNanoUsd: 0, reservedNanoUsd: 0 }]);
  });
});
