import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { aBudget, aPrincipal } from '../../test/support/principal.js';
import { type Clock } from '../kernel/clock.js';
import { type Principal } from '../kernel/snapshot.js';
import { MemoryQuotaStore, type QuotaStoreOptions } from './memory-quota-store.js';
import { describeQuotaStore, type StoreRig } from './quota-store.suite.js';

const DAY_MS = 86_400_000;

/** A request that is admitted and takes its tokens. */
function use(store: MemoryQuotaStore, id: string, principal: Principal, tokens: number): void {
  const result = store.acquire({ id, principal, tokens, costNanoUsd: 0 });
  if (!result.admitted) throw new Error(result.reason);
  store.settle({ reservation: result.reservation, costNanoUsd: 0, tokens });
}

describeQuotaStore('in-process quota store', (options: QuotaStoreOptions) => {
  const clock = new ManualClock();
  const rig: StoreRig = {
    store: new MemoryQuotaStore(clock, options),
    slackUs: 0,
    pass: (ms) => clock.advance(ms),
    roll: () => clock.advance(31 * DAY_MS),
    close: () => Promise.resolve(),
  };
  return Promise.resolve(rig);
});

describe('in-process quota store', () => {
  const options = { leaseMs: 30_000, onLeaseExpiry: 'release' } as const;

  it('goes on refilling when the clock of the machine is set back', () => {
    const manual = new ManualClock();
    let shift = 0;
    const clock: Clock = {
      now: () => manual.now(),
      wall: () => manual.wall() + shift,
      after: (ms, fn) => manual.after(ms, fn),
      random: () => 0,
      turn: () => Promise.resolve(),
    };
    const store = new MemoryQuotaStore(clock, options);
    const principal = aPrincipal({ limits: { requestsPerMinute: 60, requestBurst: 1 }, budgets: [aBudget(10)] });
    const ask = (id: string): boolean => store.acquire({ id, principal, tokens: 0, costNanoUsd: 1 }).admitted;
    expect(ask('1')).toBe(true);
    shift = -600_000;
    expect(ask('2')).toBe(false);
    manual.advanceSync(1000);
    expect(ask('3')).toBe(true);
  });

  it('charges once what it charged as the lease ended, however much ended with it', async () => {
    const clock = new ManualClock();
    const store = new MemoryQuotaStore(clock, { ...options, onLeaseExpiry: 'charge' });
    const principal = aPrincipal({ budgets: [aBudget(10_000)] });
    const ask = (id: string) => store.acquire({ id, principal, tokens: 0, costNanoUsd: 5 });
    const first = ask('first');
    if (!first.admitted) throw new Error(first.reason);
    for (let n = 0; n < 1_000; n++) ask(`other-${n}`);
    await clock.advance(options.leaseMs);
    store.sweep();
    const spent = store.usage(principal).budgets[0]?.spentNanoUsd;
    expect(spent).toBe(1_001 * 5);
    expect(store.settle({ reservation: first.reservation, costNanoUsd: 3, tokens: 0 })).toBe('already');
    expect(store.regain(first.reservation)).toMatchObject({ admitted: false, reason: 'closed' });
    expect(store.usage(principal).budgets[0]?.spentNanoUsd).toBe(spent);
  });

  it('goes on filling the bucket of a key whose limit of tokens a reload took away meanwhile', async () => {
    const clock = new ManualClock();
    const store = new MemoryQuotaStore(clock, options);
    const limited = aPrincipal({ limits: { tokensPerMinute: 60, concurrentRequests: 9 } });
    const freed = aPrincipal({ limits: { concurrentRequests: 9 } });
    use(store, 'before', limited, 60);
    use(store, 'meanwhile', freed, 60);
    await clock.advance(30_000);
    store.sweep();
    expect(store.usage(limited).levels.tokens).toMatchObject({ remaining: 30 });
  });

  it('fills no bucket at the limit of a file that is not in force any more', async () => {
    const clock = new ManualClock();
    const store = new MemoryQuotaStore(clock, options);
    const low = aPrincipal({ limits: { tokensPerMinute: 60 } });
    use(store, 'before', low, 60);
    // A reload that was taken back.
    store.usage(aPrincipal({ limits: { tokensPerMinute: 6_000 } }));
    store.usage(low);
    await clock.advance(1_000);
    store.sweep();
    expect(store.usage(low).levels.tokens).toMatchObject({ remaining: 1 });
  });

  it('answers without a promise', () => {
    const store = new MemoryQuotaStore(new ManualClock(), options);
    const result = store.acquire({ id: '1', principal: aPrincipal(), tokens: 1, costNanoUsd: 1 });
    expect(result.admitted).toBe(true);
  });
});
