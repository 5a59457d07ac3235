import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { aBudget, aPrincipal } from '../../test/support/principal.js';
import { type ConfigStore } from '../config/config-store.js';
import { type Principal } from '../kernel/snapshot.js';
import { MemoryQuotaStore } from '../quota/memory-quota-store.js';
import { QuotaUsageList } from './quota-usage-list.js';

const BUDGETS = [aBudget(5_000, 'key'), aBudget(70_000, 'team'), aBudget(900_000, 'org')];
const first = aPrincipal({ keyId: 'one', org: 'acme', team: 'red', budgets: BUDGETS, limits: { tokensPerMinute: 60 } });
const second = aPrincipal({ keyId: 'two', org: 'acme', team: 'red', budgets: [aBudget(60_000, 'team')] });
const stranger = aPrincipal({ keyId: 'three', org: 'other', team: 'red', budgets: [aBudget(70_000, 'team')] });
const free = aPrincipal({ keyId: 'anonymous', org: 'anonymous' });

describe('usage of all keys, teams and orgs', () => {
  let list: QuotaUsageList;

  beforeEach(() => {
    const store = new MemoryQuotaStore(new ManualClock(), { leaseMs: 30_000, onLeaseExpiry: 'release' });
    const acquire = (id: string, principal: Principal): unknown =>
      store.acquire({ id, principal, tokens: 20, costNanoUsd: 1_500 });
    acquire('a', first);
    acquire('b', second);
    acquire('c', stranger);
    const keys = [first, second, stranger].map((principal) => ({ principal }));
    list = new QuotaUsageList({ current: { keys, anonymous: free } } as unknown as ConfigStore, store);
  });

  it('tells of each key its limits, levels and budgets, amounts as decimal strings', async () => {
    const [one, , , anonymous] = await list.by('key');
    expect(one).toMatchObject({
      key: 'one',
      org: 'acme',
      team: 'red',
      user: null,
      limits: { tokensPerMinute: 60 },
      concurrentRequests: 0,
      requests: null,
      tokens: { limit: 60, remaining: 40, resetMs: 20_000 },
    });
    expect((one as { budgets: unknown }).budgets).toEqual([
      expect.objectContaining({ scope: 'key', limitUsd: '0.000005', spentUsd: '0', reservedUsd: '0.0000015' }),
      expect.objectContaining({ scope: 'team', limitUsd: '0.00007', spentUsd: '0', reservedUsd: '0.000003' }),
      expect.objectContaining({ scope: 'org', limitUsd: '0.0009', reservedUsd: '0.0000015' }),
    ]);
    expect(anonymous).toMatchObject({ key: 'anonymous', team: null, budgets: [] });
  });

  it('keeps teams of different orgs apart, and shows the one account of a team under each of its limits', async () => {
    const month = expect.stringMatching(/^\d{4}-\d\d-01T00:00:00.000Z$/) as string;
    const account = { scope: 'team', window: 'month', spentUsd: '0', resetsAt: month };
    expect(await list.by('team')).toEqual([
      {
        team: 'red',
        org: 'acme',
        keys: ['one', 'two'],
        budgets: [
          { ...account, limitUsd: '0.00007', reservedUsd: '0.000003' },
          { ...account, limitUsd: '0.00006', reservedUsd: '0.000003' },
        ],
      },
      {
        team: 'red',
        org: 'other',
        keys: ['three'],
        budgets: [{ ...account, limitUsd: '0.00007', reservedUsd: '0.0000015' }],
      },
    ]);
  });

  it('lists every org, those without a budget too', async () => {
    expect(await list.by('org')).toEqual([
      { org: 'acme', keys: ['one', 'two'], budgets: [expect.objectContaining({ scope: 'org', limitUsd: '0.0009' })] },
      { org: 'other', keys: ['three'], budgets: [] },
      { org: 'anonymous', keys: ['anonymous'], budgets: [] },
    ]);
  });
});
