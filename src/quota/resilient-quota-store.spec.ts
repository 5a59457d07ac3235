import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FlakyQuotaStore } from '../../test/support/flaky-quota-store.js';
import { ManualClock } from '../../test/support/manual-clock.js';
import { aBudget, aPrincipal } from '../../test/support/principal.js';
import { settlementLost } from '../kernel/channels.js';
import { type Principal } from '../kernel/snapshot.js';
import { MemoryQuotaStore } from './memory-quota-store.js';
import { describeQuotaStore } from './quota-store.suite.js';
import { type AcquireResult, type Reservation } from './quota-store.js';
import { type ModeChange, ResilientQuotaStore } from './resilient-quota-store.js';

const OPTIONS = { leaseMs: 30_000, onLeaseExpiry: 'release' } as const;
const STRICT = aPrincipal({ keyId: 'strict', budgets: [aBudget(1000)] });
const LENIENT = aPrincipal({ keyId: 'lenient', budgets: [aBudget(1000)], budgetOnRedisDown: 'allow' });
const RATED = aPrincipal({
  keyId: 'rated',
  limits: { requestsPerMinute: 60, requestBurst: 10, tokensPerMinute: 6000 },
});

describeQuotaStore('resilient quota store over a store that answers', (options) => {
  const clock = new ManualClock();
  const remote = new FlakyQuotaStore(clock, options);
  return Promise.resolve({
    store: new ResilientQuotaStore(remote, new MemoryQuotaStore(clock, options), clock, () => undefined),
    slackUs: 0,
    pass: (ms) => clock.advance(ms),
    roll: () => clock.advance(31 * 86_400_000),
    close: () => Promise.resolve(),
  });
});

describe('resilient quota store', () => {
  let clock: ManualClock;
  let remote: FlakyQuotaStore;
  let store: ResilientQuotaStore;
  let changes: ModeChange[];
  let serial = 0;

  beforeEach(async () => {
    clock = new ManualClock();
    remote = new FlakyQuotaStore(clock, OPTIONS);
    changes = [];
    store = new ResilientQuotaStore(remote, new MemoryQuotaStore(clock, OPTIONS), clock, (c) => changes.push(c));
    await store.start();
  });
  afterEach(() => store.close());

  const ask = async (principal: Principal, cost = 0, tokens = 0): Promise<AcquireResult> =>
    store.acquire({ id: `id-${++serial}`, principal, tokens, costNanoUsd: cost });
  const hold = async (principal: Principal, cost = 0, tokens = 0): Promise<Reservation> => {
    const result = await ask(principal, cost, tokens);
    if (!result.admitted) throw new Error(result.reason);
    return result.reservation;
  };
  const fail = async (): Promise<void> => {
    remote.trouble = 'refusing';
    for (let n = 0; n < 5; n++) await ask(RATED, 0, 1);
    expect(store.mode).toBe('local');
  };
  const recover = async (): Promise<void> => {
    remote.trouble = 'none';
    await clock.advance(1250);
    // A long journal takes many turns of the event loop, and no time.
    for (let turn = 0; store.mode === 'local' && turn < 500; turn++) await clock.advance(0);
    expect(store.mode).toBe('shared');
  };
  const truth = (principal: Principal): [number, number] => {
    const [level] = remote.truth.usage(principal).budgets;
    return [level!.spentNanoUsd, level!.reservedNanoUsd];
  };

  it('never waits longer than its bound for a store that hangs', async () => {
    remote.trouble = 'hanging';
    const answer = ask(STRICT, 10);
    let answered = false;
    void answer.then(() => (answered = true));
    await clock.advance(49);
    expect(answered).toBe(false);
    await clock.advance(1);
    expect(await answer).toMatchObject({ admitted: false, reason: 'unavailable' });
  });

  it('turns to its own share after five failures in a row, and says so once', async () => {
    remote.trouble = 'refusing';
    for (let n = 0; n < 4; n++) await ask(RATED, 0, 1);
    expect(changes).toEqual([]);
    for (let n = 0; n < 50; n++) await ask(RATED, 0, 1);
    expect(changes).toEqual([{ mode: 'local', reason: 'CLUSTERDOWN' }]);
  });

  it('turns to its own share when half of the last twenty calls failed', async () => {
    for (let n = 0; store.mode === 'shared' && n < 40; n++) {
      remote.trouble = n % 2 === 0 ? 'none' : 'refusing';
      await store.usage(RATED).catch(() => undefined);
    }
    expect(store.mode).toBe('local');
    expect(changes).toHaveLength(1);
  });

  it('spends no request on a store that failed', async () => {
    await fail();
    remote.calls.length = 0;
    for (let n = 0; n < 20; n++) await ask(STRICT, 1);
    await clock.advance(3000);
    expect(new Set(remote.calls)).toEqual(new Set(['heartbeat']));
  });

  it('enforces the rates by the share of one gateway', async () => {
    remote.gateways = 5;
    await clock.advance(5000);
    await fail();
    await clock.advance(60_000);
    const results = [];
    for (let n = 0; n < 10; n++) results.push((await ask(RATED, 0, 1)).admitted);
    expect(results.filter(Boolean)).toHaveLength(2);
  });

  it('lets a request that fits the whole token limit, but not the share, take the share', async () => {
    remote.gateways = 3;
    await clock.advance(5000);
    await fail();
    await clock.advance(60_000);
    expect(await ask(RATED, 0, 5000)).toMatchObject({ admitted: true });
    expect(await ask(RATED, 0, 5000)).toMatchObject({ admitted: false, reason: 'tokens' });
    expect(await ask(RATED, 0, 6001)).toMatchObject({ admitted: false, reason: 'tooManyTokens' });
  });

  it('refuses keys with a budget unless their owner chose otherwise', async () => {
    await fail();
    expect(await ask(STRICT, 1)).toMatchObject({ admitted: false, reason: 'unavailable', retryAfterUs: 1_000_000 });
    expect(await ask(LENIENT, 1)).toMatchObject({ admitted: true, reservation: { heldBy: 'local' } });
  });

  it('charges later what was spent without the store', async () => {
    await fail();
    const reservation = await hold(LENIENT, 100);
    await store.settle({ reservation, costNanoUsd: 60, tokens: 5 });
    await store.settle({ reservation, costNanoUsd: 60, tokens: 5 });
    await recover();
    expect(truth(LENIENT)).toEqual([60, 0]);
    expect(store.journal).toMatchObject({ size: 0, dropped: 0 });
  });

  it('keeps settlements of running requests, and tells them in order when the store is back', async () => {
    const held = [await hold(STRICT, 100), await hold(STRICT, 200)];
    await fail();
    for (const reservation of held) {
      expect(await store.settle({ reservation, costNanoUsd: 50, tokens: 0 })).toBe('late');
    }
    expect(truth(STRICT)).toEqual([0, 300]);
    await recover();
    expect(truth(STRICT)).toEqual([100, 0]);
    expect(changes.map(({ mode }) => mode)).toEqual(['local', 'shared']);
  });

  it('settles once although the answer to the first attempt was lost', async () => {
    const reservation = await hold(STRICT, 100);
    remote.trouble = 'deaf';
    const settled = store.settle({ reservation, costNanoUsd: 40, tokens: 0 });
    await clock.advance(1000);
    expect(await settled).toBe('late');
    await recover();
    expect(truth(STRICT)).toEqual([40, 0]);
  });

  it('releases an acquire whose answer was lost', async () => {
    remote.trouble = 'deaf';
    const answer = ask(STRICT, 100);
    await clock.advance(50);
    expect((await answer).admitted).toBe(false);
    expect(truth(STRICT)).toEqual([0, 0]);
  });

  it('releases later an acquire that may have been executed by a store that went away', async () => {
    remote.trouble = 'hanging';
    const answer = ask(STRICT, 100);
    await clock.advance(60);
    await answer;
    // What hung arrives after all.
    remote.truth.acquire({ id: `id-${serial}`, principal: STRICT, tokens: 0, costNanoUsd: 100 });
    await clock.advance(2000);
    await recover();
    expect(truth(STRICT)).toEqual([0, 0]);
  });

  it('moves the leases of running requests before anybody can sweep them', async () => {
    const reservation = await hold(STRICT, 100);
    await fail();
    await clock.advance(29_000);
    await recover();
    await clock.advance(10_000);
    await ask(STRICT, 1);
    expect(await store.renew(STRICT, [reservation.id])).toEqual([]);
  });

  it('calls nothing lost while the store is out of reach', async () => {
    const reservation = await hold(STRICT, 100);
    await fail();
    await clock.advance(60_000);
    expect(await store.renew(STRICT, [reservation.id])).toEqual([]);
    expect(await store.regain(reservation)).toMatchObject({ admitted: true });
  });

  it('books again what a store that restarted empty has lost: what runs, and what was settled in 120 s', async () => {
    const settled = await hold(STRICT, 100);
    const running = await hold(STRICT, 200);
    await store.settle({ reservation: settled, costNanoUsd: 90, tokens: 0 });
    remote.loseAll();
    await clock.advance(5000);
    expect(truth(STRICT)).toEqual([90, 200]);
    await store.settle({ reservation: running, costNanoUsd: 150, tokens: 0 });
    expect(truth(STRICT)).toEqual([240, 0]);
    expect(store.replays).toBe(1);
  });

  it('doubles nothing when another server holds all the data', async () => {
    const settled = await hold(STRICT, 100);
    await hold(STRICT, 200);
    await store.settle({ reservation: settled, costNanoUsd: 90, tokens: 0 });
    remote.identity = 'server-2';
    await clock.advance(5000);
    expect(truth(STRICT)).toEqual([90, 200]);
    expect(store.replays).toBe(1);
  });

  it('lets a reservation grow without the store only where its owner lets requests begin without it', async () => {
    const reservations = [await hold(STRICT, 100), await hold(LENIENT, 100), await hold(RATED, 0, 10)];
    await fail();
    const grown = await Promise.all(reservations.map(async (held) => store.extend({ ...held, costNanoUsd: 200 })));
    expect(grown.map((result) => (result.admitted ? result.reservation.costNanoUsd : result.reason))).toEqual([
      'unavailable',
      200,
      200,
    ]);
  });

  it('books a grown reservation again with all that it held, and none that has ended', async () => {
    const [running, ended] = [await hold(STRICT, 100), await hold(STRICT, 100)];
    await store.extend({ ...running, costNanoUsd: 300 });
    const late = store.extend({ ...ended, costNanoUsd: 300 });
    await store.settle({ reservation: ended, costNanoUsd: 50, tokens: 0 });
    await late;
    await fail();
    remote.loseAll();
    await recover();
    expect(truth(STRICT)).toEqual([50, 300]);
  });

  it('bounds the journal, counts what found no room and says so', async () => {
    const lost: number[] = [];
    const unsubscribe = settlementLost.subscribe(({ nanoUsd }) => lost.push(nanoUsd));
    await fail();
    expect(store.journal.fillRatio).toBeLessThan(0.01);
    for (let n = 0; n < 10_100; n++) {
      const reservation = await hold(LENIENT, 1);
      void store.settle({ reservation, costNanoUsd: 1, tokens: 0 });
    }
    // The five that failed are there, to be released.
    expect(store.journal).toMatchObject({ size: 10_000, fillRatio: 1, dropped: 105, droppedNanoUsd: 105 });
    expect(lost).toEqual(Array.from({ length: 105 }, () => 1));
    unsubscribe();
    await recover();
    expect(truth(LENIENT)[0]).toBe(10_100 - 105);
  });

  it('has no usage to tell while the store is out of reach', async () => {
    await fail();
    await expect(store.usage(STRICT)).rejects.toMatchObject({ code: 'quota_backend_unavailable' });
    await expect(store.audit(['acme'])).rejects.toMatchObject({ code: 'quota_backend_unavailable' });
  });

  it('leaves no timer behind', async () => {
    await hold(STRICT, 1);
    await store.close();
    expect(clock.pending).toBe(0);
  });
});
