import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { MemoryQuotaStore } from './memory-quota-store.js';
import { limitersThatDoNotRefuse } from './quota-self-test.js';

const options = { leaseMs: 30_000, onLeaseExpiry: 'release' } as const;

describe('limitersThatDoNotRefuse', () => {
  it('finds nothing wrong with a store that refuses, and leaves nothing held', async () => {
    const clock = new ManualClock();
    const store = new MemoryQuotaStore(clock, options);
    expect(await limitersThatDoNotRefuse(store, clock)).toEqual([]);
    expect(store.audit().reservations).toBe(0);
  });

  it('names every limiter of a store that lets everything pass', async () => {
    const clock = new ManualClock();
    const store = new MemoryQuotaStore(clock, options);
    const unlimited = store.acquire.bind(store);
    store.acquire = (request) =>
      unlimited({
        ...request,
        principal: {
          ...request.principal,
          limits: {
            ...request.principal.limits,
            requestsPerMinute: undefined,
            tokensPerMinute: undefined,
            concurrentRequests: undefined,
          },
          budgets: [],
        },
      });
    expect(await limitersThatDoNotRefuse(store, clock)).toEqual(['requests', 'tokens', 'concurrency', 'budget']);
  });
});
