import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aBudget, aPrincipal } from '../../test/support/principal.js';
import { reservationsExpired } from '../kernel/channels.js';
import { type Principal } from '../kernel/snapshot.js';
import { violationsOf } from './audit-violations.js';
import { type QuotaStoreOptions } from './memory-quota-store.js';
import { type AcquireResult, type Admission, type QuotaStore, type Refusal, type Reservation } from './quota-store.js';

/** A store and the means to move its time. */
export interface StoreRig {
  readonly store: QuotaStore;
  /** Time that may pass unasked between two calls, µs: 0 where the clock is the test's own. */
  readonly slackUs: number;
  /** Lets time pass for everything that the store holds. */
  pass(ms: number): Promise<void>;
  /** Lets every budget window be the one before. */
  roll(): Promise<void>;
  close(): Promise<void>;
}

export const LEASE_MS = 30_000;
const MINUTE_US = 60_000_000;

/** What every quota store promises. */
export function describeQuotaStore(name: string, open: (options: QuotaStoreOptions) => Promise<StoreRig>): void {
  describe(name, () => {
    let rig: StoreRig;
    let store: QuotaStore;
    let serial = 0;

    beforeEach(async () => {
      rig = await open({ leaseMs: LEASE_MS, onLeaseExpiry: 'release' });
      store = rig.store;
    });
    afterEach(() => rig.close());

    const newId = (): string => `01TEST${String(++serial).padStart(20, '0')}`;
    const ask = async (principal: Principal, cost = 0, tokens = 0, id = newId()): Promise<AcquireResult> =>
      store.acquire({ id, principal, tokens, costNanoUsd: cost });
    const admit = async (principal: Principal, cost = 0, tokens = 0, id?: string): Promise<Admission> => {
      const result = await ask(principal, cost, tokens, id);
      if (!result.admitted) throw new Error(`refused: ${result.reason}`);
      return result;
    };
    const refuse = async (principal: Principal, cost = 0, tokens = 0, id?: string): Promise<Refusal> => {
      const result = await ask(principal, cost, tokens, id);
      if (result.admitted) throw new Error('admitted');
      return result;
    };
    const hold = async (principal: Principal, cost = 0, tokens = 0): Promise<Reservation> =>
      (await admit(principal, cost, tokens)).reservation;
    const totals = async (principal: Principal): Promise<[number, number][]> =>
      (await store.usage(principal)).budgets.map((level) => [level.spentNanoUsd, level.reservedNanoUsd]);
    /** Time may pass between two calls: a wait is then shorter, never longer. */
    const near = (found: number | undefined, expected: number): void => {
      expect(found).toBeLessThanOrEqual(expected);
      expect(found).toBeGreaterThanOrEqual(expected - rig.slackUs);
    };

    describe('request rate', () => {
      const limited = aPrincipal({ limits: { requestsPerMinute: 60, requestBurst: 10 } });

      it('admits the burst at once, and tells to the µs when the next one passes', async () => {
        for (let n = 0; n < 10; n++) await admit(limited);
        const refusal = await refuse(limited);
        expect(refusal.reason).toBe('requests');
        near(refusal.retryAfterUs, 1_000_000);
        await rig.pass(Math.ceil(refusal.retryAfterUs! / 1000));
        await admit(limited);
        expect((await refuse(limited)).reason).toBe('requests');
      });

      it('counts no refused request', async () => {
        for (let n = 0; n < 10; n++) await admit(limited);
        for (let n = 0; n < 50; n++) await refuse(limited);
        near((await refuse(limited)).retryAfterUs, 1_000_000);
      });

      it('has a burst of ten seconds where the key does not say', async () => {
        const principal = aPrincipal({ limits: { requestsPerMinute: 30 } });
        for (let n = 0; n < 5; n++) await admit(principal);
        expect((await refuse(principal)).reason).toBe('requests');
      });

      it('takes up a raised limit at once', async () => {
        const slow = aPrincipal({ limits: { requestsPerMinute: 1, requestBurst: 1 } });
        await admit(slow);
        near((await refuse(slow)).retryAfterUs, MINUTE_US);
        const fast = aPrincipal({ limits: { requestsPerMinute: 6000, requestBurst: 1 } });
        near((await refuse(fast).catch(() => undefined))?.retryAfterUs ?? 0, 10_000);
      });

      it('tells what is left in the same answer', async () => {
        const { levels } = await admit(limited);
        expect(levels.requests).toMatchObject({ limit: 60, remaining: 9 });
        near(levels.requests?.resetUs, 1_000_000);
        expect(levels.tokens).toBeUndefined();
      });
    });

    describe('tokens per minute', () => {
      const limited = aPrincipal({ limits: { tokensPerMinute: 6000 } });

      it('reserves the worst case and tells when the same request would pass', async () => {
        const { levels } = await admit(limited, 0, 5500);
        expect(levels.tokens).toMatchObject({ limit: 6000, remaining: 500 });
        near(levels.tokens?.resetUs, 55_000_000);
        const refusal = await refuse(limited, 0, 1000);
        expect(refusal.reason).toBe('tokens');
        near(refusal.retryAfterUs, 5_000_000);
        await rig.pass(Math.ceil(refusal.retryAfterUs! / 1000));
        await admit(limited, 0, 1000);
      });

      it('leaves the bucket to small requests when a large one is refused', async () => {
        await admit(limited, 0, 5500);
        for (let n = 0; n < 20; n++) await refuse(limited, 0, 3000);
        await admit(limited, 0, 500);
      });

      it('says at once that a request larger than the bucket can never pass', async () => {
        const refusal = await refuse(limited, 0, 6001);
        expect(refusal).toMatchObject({ reason: 'tooManyTokens', retryAfterUs: undefined });
        await admit(limited, 0, 6000);
      });

      it('gives back what was not used', async () => {
        const reservation = await hold(limited, 0, 6000);
        await store.settle({ reservation, costNanoUsd: 0, tokens: 100 });
        expect((await store.usage(limited)).levels.tokens?.remaining).toBeGreaterThanOrEqual(5900);
        await admit(limited, 0, 5900);
      });

      it('collects a debt before it admits again', async () => {
        const reservation = await hold(limited, 0, 6000);
        await store.settle({ reservation, costNanoUsd: 0, tokens: 9000 });
        const refusal = await refuse(limited, 0, 1);
        near(refusal.retryAfterUs, 30_010_000);
        await rig.pass(30_011);
        await admit(limited, 0, 1);
      });

      it('bounds a debt by one minute', async () => {
        const reservation = await hold(limited, 0, 6000);
        await store.settle({ reservation, costNanoUsd: 0, tokens: 1_000_000_000 });
        near((await refuse(limited, 0, 6000)).retryAfterUs, 2 * MINUTE_US);
      });

      it('loses no fraction of a token, however often it is asked', async () => {
        const slow = aPrincipal({ limits: { tokensPerMinute: 7 } });
        await admit(slow, 0, 7);
        let admitted = 0;
        for (let n = 0; n < 100; n++) {
          await rig.pass(5990);
          if ((await ask(slow, 0, 1)).admitted) admitted++;
        }
        // 599 s at 7 per minute are 69.88 tokens.
        expect(admitted).toBeGreaterThanOrEqual(69);
        expect(admitted).toBeLessThanOrEqual(70);
      });

      it('is exact at the largest limit', async () => {
        const huge = aPrincipal({ limits: { tokensPerMinute: 150_000_000 } });
        const { levels } = await admit(huge, 0, 150_000_000);
        expect(levels.tokens).toMatchObject({ remaining: 0, resetUs: MINUTE_US });
        near((await refuse(huge, 0, 150_000_000)).retryAfterUs, MINUTE_US);
      });

      it('tells the longer wait where rate and tokens both refuse', async () => {
        const both = aPrincipal({ limits: { requestsPerMinute: 60, requestBurst: 1, tokensPerMinute: 60 } });
        await admit(both, 0, 60);
        const refusal = await refuse(both, 0, 30);
        expect(refusal.reason).toBe('tokens');
        near(refusal.retryAfterUs, 30_000_000);
        expect((await refuse(both, 0, 0)).reason).toBe('requests');
      });
    });

    describe('concurrency', () => {
      const limited = aPrincipal({ limits: { concurrentRequests: 2 } });

      it('refuses while the slots are taken, and admits at once when one is free', async () => {
        const first = await hold(limited);
        await hold(limited);
        expect(await refuse(limited)).toMatchObject({ reason: 'concurrency', retryAfterUs: 1_000_000 });
        expect((await store.usage(limited)).concurrent).toBe(2);
        void store.settle({ reservation: first, costNanoUsd: 0, tokens: 0 });
        await admit(limited);
      });

      it('frees the slots of a gateway that is gone when their leases end', async () => {
        await hold(limited);
        await hold(limited);
        await rig.pass(LEASE_MS + 1);
        await hold(limited);
        expect((await store.usage(limited)).concurrent).toBe(1);
      });

      it('keeps the slot and the reservation of a stream of several leases while they are renewed', async () => {
        const strict = aPrincipal({ limits: { concurrentRequests: 1 }, budgets: [aBudget(1000)] });
        const { id } = await hold(strict, 400);
        for (let n = 0; n < 9; n++) {
          await rig.pass(10_000);
          expect(await store.renew(strict, [id])).toEqual([]);
          expect((await refuse(strict, 100)).reason).toBe('concurrency');
        }
        expect(await totals(strict)).toEqual([[0, 400]]);
        await rig.pass(LEASE_MS + 1);
        await admit(strict, 100);
        expect(await totals(strict)).toEqual([[0, 100]]);
      });
    });

    describe('budgets', () => {
      it('admits exactly what fits under any number of simultaneous requests', async () => {
        const principal = aPrincipal({ budgets: [aBudget(1000)] });
        const results = await Promise.all(Array.from({ length: 300 }, () => ask(principal, 10)));
        const admitted = results.filter((result) => result.admitted);
        expect(admitted).toHaveLength(100);
        expect(await totals(principal)).toEqual([[0, 1000]]);
        await Promise.all(
          admitted.map(async ({ reservation }) => store.settle({ reservation, costNanoUsd: 10, tokens: 0 })),
        );
        expect(await totals(principal)).toEqual([[1000, 0]]);
      });

      it('checks four budgets together and takes from all or none', async () => {
        const principal = aPrincipal({
          team: 'red',
          user: 'ann',
          budgets: [
            aBudget(1000, 'key', '1h'),
            aBudget(900, 'user', '1d'),
            aBudget(800, 'team', '30d'),
            aBudget(700, 'org', 'month'),
          ],
        });
        await hold(principal, 600);
        const refusal = await refuse(principal, 200);
        expect(refusal.budget).toMatchObject({
          scope: 'org',
          window: 'month',
          limitNanoUsd: 700,
          reservedNanoUsd: 600,
        });
        expect(await totals(principal)).toEqual([
          [0, 600],
          [0, 600],
          [0, 600],
          [0, 600],
        ]);
      });

      it('shares the budget of an org between its keys, and nothing between orgs', async () => {
        const budgets = [aBudget(1000, 'org')];
        const first = aPrincipal({ keyId: 'a', budgets });
        const second = aPrincipal({ keyId: 'b', budgets });
        await hold(first, 600);
        expect((await refuse(second, 600)).reason).toBe('budgetReserved');
        await admit(aPrincipal({ keyId: 'a', org: 'other', budgets }), 600);
      });

      it('tells a budget that is spent from one that is only reserved', async () => {
        const principal = aPrincipal({ budgets: [aBudget(1000)] });
        const reservation = await hold(principal, 900);
        expect(await refuse(principal, 200)).toMatchObject({
          reason: 'budgetReserved',
          budget: { spentNanoUsd: 0, reservedNanoUsd: 900 },
        });
        await store.settle({ reservation, costNanoUsd: 850, tokens: 0 });
        const refusal = await refuse(principal, 200);
        expect(refusal).toMatchObject({
          reason: 'budgetSpent',
          retryAfterUs: undefined,
          budget: { spentNanoUsd: 850, reservedNanoUsd: 0 },
        });
      });

      it('tells the spent budget first, whatever else refuses', async () => {
        const principal = aPrincipal({
          limits: { concurrentRequests: 1 },
          budgets: [aBudget(1000, 'key', '1h'), aBudget(900, 'org')],
        });
        const reservation = await hold(principal, 800);
        await store.settle({ reservation, costNanoUsd: 800, tokens: 0 });
        await hold(principal, 50);
        expect(await refuse(principal, 150)).toMatchObject({ reason: 'budgetSpent', budget: { scope: 'org' } });
      });

      it('refuses as spent what is dearer than the whole budget', async () => {
        const principal = aPrincipal({ budgets: [aBudget(1000)] });
        expect(await refuse(principal, 1001)).toMatchObject({ reason: 'budgetSpent', budget: { limitNanoUsd: 1000 } });
      });

      it('admits what costs nothing when the budget is spent', async () => {
        const principal = aPrincipal({ budgets: [aBudget(1000)] });
        await store.settle({ reservation: await hold(principal, 1000), costNanoUsd: 1000, tokens: 0 });
        await admit(principal, 0);
      });

      it('lets a refusal take nothing from rates, slots or budgets', async () => {
        const principal = aPrincipal({
          limits: { requestsPerMinute: 60, requestBurst: 10, tokensPerMinute: 6000, concurrentRequests: 5 },
          budgets: [aBudget(1000)],
        });
        await hold(principal, 900, 1000);
        const before = await store.usage(principal);
        for (let n = 0; n < 20; n++) expect((await refuse(principal, 200, 1000)).reason).toBe('budgetReserved');
        const after = await store.usage(principal);
        expect(after.concurrent).toBe(1);
        expect(after.budgets).toEqual(before.budgets);
        expect(after.levels.requests!.remaining).toBeGreaterThanOrEqual(before.levels.requests!.remaining);
        expect(after.levels.tokens!.remaining).toBeGreaterThanOrEqual(before.levels.tokens!.remaining);
      });

      it.each(['1h', '1d', '30d', 'month'] as const)('begins a new %s at zero', async (window) => {
        const principal = aPrincipal({ budgets: [aBudget(1000, 'key', window)] });
        await store.settle({ reservation: await hold(principal, 1000), costNanoUsd: 1000, tokens: 0 });
        await refuse(principal, 1);
        await rig.roll();
        await admit(principal, 1000);
        expect(await totals(principal)).toEqual([[0, 1000]]);
      });

      it('charges a request to the window of its admission', async () => {
        const principal = aPrincipal({ budgets: [aBudget(1000, 'key', '1h')] });
        const old = await hold(principal, 600);
        await rig.roll();
        await hold(principal, 300);
        await store.settle({ reservation: old, costNanoUsd: 500, tokens: 0 });
        expect(await totals(principal)).toEqual([[0, 300]]);
        const { windows } = await store.audit(['acme']);
        expect(windows.map((w) => [w.spentNanoUsd, w.reservedNanoUsd, w.recomputedNanoUsd])).toEqual([
          [0, 300, 300],
          [500, 0, 0],
        ]);
      });

      it('tells when the window ends', async () => {
        const principal = aPrincipal({ budgets: [aBudget(1000, 'key', '1h')] });
        const { reservation } = await admit(principal, 1);
        const [level] = (await store.usage(principal)).budgets;
        expect(level!.resetsAtUs % 3_600_000_000).toBe(0);
        expect(level!.resetsAtUs).toBeGreaterThan(reservation.admittedAtUs);
        expect(level!.resetsAtUs - reservation.admittedAtUs).toBeLessThanOrEqual(3_600_000_000);
      });

      it('counts to the nano-dollar up to 9 million dollars', async () => {
        const principal = aPrincipal({ budgets: [aBudget(Number.MAX_SAFE_INTEGER)] });
        await store.settle({
          reservation: await hold(principal, Number.MAX_SAFE_INTEGER - 1),
          costNanoUsd: Number.MAX_SAFE_INTEGER - 1,
          tokens: 0,
        });
        await hold(principal, 1);
        expect(await totals(principal)).toEqual([[Number.MAX_SAFE_INTEGER - 1, 1]]);
        expect((await refuse(principal, 1)).reason).toBe('budgetReserved');
      });

      it('keeps apart names that look alike', async () => {
        const first = aPrincipal({ team: 'a:1d;key.b=1', budgets: [aBudget(1000, 'team')] });
        const second = aPrincipal({ team: 'a', org: 'acme}{x', budgets: [aBudget(1000, 'team')] });
        await store.settle({ reservation: await hold(first, 700), costNanoUsd: 600, tokens: 0 });
        await hold(second, 1000);
        expect(await totals(first)).toEqual([[600, 0]]);
      });
    });

    describe('settlement', () => {
      const principal = aPrincipal({ limits: { tokensPerMinute: 6000 }, budgets: [aBudget(1000)] });

      it('replaces the reservation by what was used', async () => {
        const reservation = await hold(principal, 500, 100);
        expect(await store.settle({ reservation, costNanoUsd: 120, tokens: 10 })).toBe('settled');
        expect(await totals(principal)).toEqual([[120, 0]]);
      });

      it('happens once, however often it is asked for', async () => {
        const reservation = await hold(principal, 500, 1000);
        const settlement = { reservation, costNanoUsd: 120, tokens: 1000 };
        const statuses = await Promise.all([store.settle(settlement), store.settle(settlement)]);
        expect(statuses).toEqual(['settled', 'already']);
        expect(await store.release(reservation)).toBe('already');
        expect(await totals(principal)).toEqual([[120, 0]]);
        near(6000_000 - (await store.usage(principal)).levels.tokens!.remaining * 1000, 1_000_000);
      });

      it('charges in full what went over the reservation, and says so', async () => {
        const reservation = await hold(principal, 500);
        expect(await store.settle({ reservation, costNanoUsd: 1500, tokens: 0 })).toBe('overrun');
        expect(await totals(principal)).toEqual([[1500, 0]]);
      });

      it('gives everything but the request back on release', async () => {
        const limited = aPrincipal({
          limits: { requestsPerMinute: 60, requestBurst: 1, tokensPerMinute: 6000, concurrentRequests: 1 },
          budgets: [aBudget(1000)],
        });
        const reservation = await hold(limited, 1000, 6000);
        expect(await store.release(reservation)).toBe('settled');
        const usage = await store.usage(limited);
        expect(usage).toMatchObject({ concurrent: 0, budgets: [{ spentNanoUsd: 0, reservedNanoUsd: 0 }] });
        expect(usage.levels.tokens?.remaining).toBe(6000);
        expect((await refuse(limited, 0, 0)).reason).toBe('requests');
      });

      it('still charges a request whose lease was lost', async () => {
        const reservation = await hold(principal, 500, 100);
        await rig.pass(LEASE_MS + 1);
        expect(await store.sweep(['acme'])).toBe(1);
        expect(await totals(principal)).toEqual([[0, 0]]);
        expect(await store.settle({ reservation, costNanoUsd: 120, tokens: 10 })).toBe('late');
        expect(await store.settle({ reservation, costNanoUsd: 120, tokens: 10 })).toBe('already');
        expect(await totals(principal)).toEqual([[120, 0]]);
      });

      it('charges nothing for an id that was never admitted', async () => {
        const reservation: Reservation = {
          id: newId(),
          principal,
          tokens: 5,
          costNanoUsd: 5,
          admittedAtUs: 0,
          heldBy: 'store',
        };
        expect(await store.settle({ reservation, costNanoUsd: 120, tokens: 10 })).toBe('unknown');
        expect(await totals(principal)).toEqual([[0, 0]]);
      });

      it.each([-1, 0.5, NaN, Infinity, 2 ** 53])('refuses to book %s', async (amount) => {
        const reservation = await hold(principal, 5);
        expect(() => store.settle({ reservation, costNanoUsd: amount, tokens: 0 })).toThrow(RangeError);
        expect(() => store.settle({ reservation, costNanoUsd: 0, tokens: amount })).toThrow(RangeError);
        await expect(ask(principal, amount)).rejects.toThrow(RangeError);
      });
    });

    describe('a reservation that grows', () => {
      const principal = aPrincipal({
        limits: { tokensPerMinute: 6000, concurrentRequests: 1 },
        budgets: [aBudget(1000)],
      });
      const grow = async (reservation: Reservation, tokens: number, costNanoUsd: number): Promise<AcquireResult> =>
        store.extend({ ...reservation, tokens, costNanoUsd });

      it('holds the new totals, once however often it is asked, and is settled as one', async () => {
        const first = await hold(principal, 100, 1000);
        for (let n = 0; n < 3; n++) {
          const grown = await grow(first, 2500, 300);
          expect(grown).toMatchObject({ admitted: true, reservation: { tokens: 2500, costNanoUsd: 300 } });
        }
        expect(await totals(principal)).toEqual([[0, 300]]);
        near((await store.usage(principal)).levels.tokens!.resetUs, 2500 * 10_000);
        expect(await store.settle({ reservation: first, costNanoUsd: 250, tokens: 2000 })).toBe('settled');
        expect(await totals(principal)).toEqual([[250, 0]]);
        near((await store.usage(principal)).levels.tokens!.resetUs, 2000 * 10_000);
        expect(violationsOf(await store.audit(['acme']), [principal])).toEqual([]);
      });

      it('never shrinks', async () => {
        const first = await hold(principal, 500, 1000);
        expect((await grow(first, 1, 1)).admitted).toBe(true);
        expect(await totals(principal)).toEqual([[0, 500]]);
      });

      it('is refused what its budget has no room for, and keeps what it has', async () => {
        const other = aPrincipal({ ...principal, keyId: 'other', org: 'acme', budgets: [aBudget(1000, 'org')] });
        const mine = aPrincipal({ ...principal, budgets: [aBudget(5000), aBudget(1000, 'org')] });
        const first = await hold(mine, 100, 10);
        await hold(other, 850, 10);
        expect(await grow(first, 10, 151)).toMatchObject({
          admitted: false,
          reason: 'budgetReserved',
          budget: { scope: 'org', reservedNanoUsd: 950, limitNanoUsd: 1000 },
        });
        expect((await grow(first, 10, 150)).admitted).toBe(true);
        expect(await totals(mine)).toEqual([
          [0, 150],
          [0, 1000],
        ]);
      });

      it('is told when its budget is spent', async () => {
        const budgets = [aBudget(1000, 'org')];
        const first = await hold(aPrincipal({ keyId: 'a', budgets }), 100);
        const second = await hold(aPrincipal({ keyId: 'b', budgets }), 800);
        await store.settle({ reservation: second, costNanoUsd: 800, tokens: 0 });
        expect(await grow(first, 0, 301)).toMatchObject({ admitted: false, reason: 'budgetSpent' });
      });

      it('takes tokens as a debt where the bucket is empty', async () => {
        const first = await hold(principal, 1, 6000);
        expect((await grow(first, 7000, 1)).admitted).toBe(true);
        near((await store.usage(principal)).levels.tokens!.resetUs, 7000 * 10_000);
      });

      it('is charged to the window of its admission', async () => {
        const first = await hold(principal, 100);
        await rig.roll();
        expect((await grow(first, 0, 400)).admitted).toBe(true);
        expect(await totals(principal)).toEqual([[0, 0]]);
        const { windows } = await store.audit(['acme']);
        expect(windows.map((w) => [w.reservedNanoUsd, w.recomputedNanoUsd])).toContainEqual([400, 400]);
      });

      it('is refused as closed once it has ended', async () => {
        const first = await hold(principal, 100);
        await store.settle({ reservation: first, costNanoUsd: 10, tokens: 0 });
        expect(await grow(first, 0, 400)).toMatchObject({ admitted: false, reason: 'closed' });
        expect(await totals(principal)).toEqual([[10, 0]]);
      });
    });

    describe('ids and leases', () => {
      const principal = aPrincipal({
        limits: { requestsPerMinute: 60, requestBurst: 10, concurrentRequests: 5 },
        budgets: [aBudget(1000)],
      });

      it('reserves once for an id that is asked for twice', async () => {
        const id = newId();
        const first = await admit(principal, 300, 0, id);
        await rig.pass(10);
        const second = await admit(principal, 300, 0, id);
        expect([first.repeated, second.repeated]).toEqual([false, true]);
        expect(second.reservation.costNanoUsd).toBe(300);
        expect(second.levels.requests?.remaining).toBe(9);
        expect(await totals(principal)).toEqual([[0, 300]]);
      });

      it('never admits an id again that was settled, or released before it arrived', async () => {
        const reservation = await hold(principal, 300);
        await store.settle({ reservation, costNanoUsd: 100, tokens: 0 });
        expect((await refuse(principal, 300, 0, reservation.id)).reason).toBe('closed');
        const overtaken = { ...reservation, id: newId(), admittedAtUs: 0 };
        expect(await store.release(overtaken)).toBe('unknown');
        expect((await refuse(principal, 300, 0, overtaken.id)).reason).toBe('closed');
      });

      it('gives back by an ordinary acquire what a gateway that is gone had reserved, and tells of it', async () => {
        let expired = 0;
        const unsubscribe = reservationsExpired.subscribe(({ count }) => (expired += count));
        for (let n = 0; n < 5; n++) await hold(principal, 200);
        expect((await refuse(principal, 100)).reason).toBe('concurrency');
        await rig.pass(LEASE_MS + 1);
        await admit(principal, 1000);
        unsubscribe();
        expect(expired).toBe(5);
        expect(await totals(principal)).toEqual([[0, 1000]]);
      });

      it('sweeps without traffic, any number', async () => {
        const many = aPrincipal({ budgets: [aBudget(1000)] });
        await Promise.all(Array.from({ length: 300 }, () => hold(many, 1)));
        expect(await store.sweep(['acme'])).toBe(0);
        await rig.pass(LEASE_MS + 1);
        expect((await store.audit(['acme'])).overdueUs).toBeGreaterThan(0);
        expect(await store.sweep(['acme'])).toBe(300);
        expect(await store.audit(['acme'])).toMatchObject({ reservations: 0, overdueUs: 0 });
        expect(await totals(many)).toEqual([[0, 0]]);
      });

      it('names the ids that are lost when it renews', async () => {
        const kept = await hold(principal, 100);
        const settled = await hold(principal, 100);
        await store.settle({ reservation: settled, costNanoUsd: 0, tokens: 0 });
        expect(await store.renew(principal, [kept.id, settled.id, 'never'])).toEqual([settled.id, 'never']);
      });

      it('regains what a lost lease gave away, if it is still there, without counting the request again', async () => {
        const lost = await hold(principal, 600);
        await rig.pass(LEASE_MS + 1);
        await store.sweep(['acme']);
        const taken = await hold(principal, 600);
        expect(await store.regain(lost)).toMatchObject({ admitted: false, reason: 'budgetReserved' });
        await store.release(taken);
        const { remaining } = (await store.usage(principal)).levels.requests!;
        expect(await store.regain(lost)).toMatchObject({ admitted: true, repeated: false });
        expect((await store.usage(principal)).levels.requests!.remaining).toBeGreaterThanOrEqual(remaining);
        expect(await totals(principal)).toEqual([[0, 600]]);
      });

      it('charges a reservation whose gateway is gone where the owner chose so', async () => {
        await rig.close();
        rig = await open({ leaseMs: LEASE_MS, onLeaseExpiry: 'charge' });
        store = rig.store;
        const reservation = await hold(principal, 300);
        await rig.pass(LEASE_MS + 1);
        await store.sweep(['acme']);
        expect(await totals(principal)).toEqual([[300, 0]]);
        expect(await store.settle({ reservation, costNanoUsd: 100, tokens: 0 })).toBe('already');
        expect(await totals(principal)).toEqual([[300, 0]]);
      });

      it('gives nothing back twice: what was settled has no lease that could end', async () => {
        const running = await hold(principal, 100);
        await store.settle({ reservation: await hold(principal, 70), costNanoUsd: 50, tokens: 0 });
        await rig.pass(LEASE_MS / 2);
        await store.renew(principal, [running.id]);
        await rig.pass(LEASE_MS / 2 + 1);
        await store.sweep(['acme']);
        expect(await totals(principal)).toEqual([[50, 100]]);
        expect(await store.audit(['acme'])).toMatchObject({ reservations: 1 });
      });

      it('recomputes what is reserved from the live reservations', async () => {
        const other = aPrincipal({ keyId: 'b', budgets: [aBudget(500, 'org', '1d')] });
        await hold(principal, 100);
        await store.settle({ reservation: await hold(principal, 70), costNanoUsd: 50, tokens: 0 });
        await hold(other, 30);
        const { windows, reservations } = await store.audit(['acme']);
        expect(reservations).toBe(2);
        const rows = windows.map((w) => [w.account, w.spentNanoUsd, w.reservedNanoUsd, w.recomputedNanoUsd]);
        expect(violationsOf({ windows, reservations, overdueUs: 0 }, [principal, other])).toEqual([]);
        expect(rows.sort()).toEqual([
          ['key.team-a:month', 50, 100, 100],
          ['org.acme:1d', 0, 30, 30],
        ]);
      });

      it('adds charges up apart from the accounts, and what no check had allowed', async () => {
        await store.settle({ reservation: await hold(principal, 100), costNanoUsd: 130, tokens: 0 });
        const late = await hold(principal, 40);
        await rig.pass(LEASE_MS + 1);
        await store.sweep(['acme']);
        expect(await store.settle({ reservation: late, costNanoUsd: 25, tokens: 0 })).toBe('late');
        const report = await store.audit(['acme']);
        expect(report.windows).toMatchObject([{ spentNanoUsd: 155, chargedNanoUsd: 155, uncheckedNanoUsd: 30 + 25 }]);
        await rig.roll();
        await hold(principal, 10);
        await store.settle({ reservation: await hold(principal, 7), costNanoUsd: 7, tokens: 0 });
        const { windows } = await store.audit(['acme']);
        expect(windows.map((w) => [w.spentNanoUsd, w.chargedNanoUsd, w.uncheckedNanoUsd])).toEqual([
          [7, 7, 0],
          [155, 155, 55],
        ]);
        for (let roll = 0; roll < 2; roll++) {
          await rig.roll();
          await store.settle({ reservation: await hold(principal, 1), costNanoUsd: 1, tokens: 0 });
        }
        const after = await store.audit(['acme']);
        expect(after.windows.map((w) => [w.spentNanoUsd, w.chargedNanoUsd])).toEqual([
          [1, 1],
          [1, 1],
        ]);
      });

      it('asks nothing of a key without limits', async () => {
        const free = aPrincipal();
        const reservation = await hold(free, 10 ** 12, 10 ** 9);
        expect(await store.settle({ reservation, costNanoUsd: 10 ** 12, tokens: 0 })).toBe('settled');
        expect(await store.renew(free, [reservation.id])).toEqual([]);
        expect((await store.audit(['acme'])).windows).toEqual([]);
      });
    });
  });
}
