import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { aPrincipal } from '../../test/support/principal.js';
import { aRequestContext } from '../../test/support/request-context.js';
import { type ConfigStore } from '../config/config-store.js';
import { type RequestContext } from '../kernel/request-context.js';
import { type UpstreamFailure } from '../kernel/upstream.js';
import { InFlightRequests } from '../http/in-flight-requests.js';
import { LeaseKeeper } from './lease-keeper.js';
import { MemoryQuotaStore } from './memory-quota-store.js';
import { type Reservation } from './quota-store.js';

const LEASE_MS = 30_000;
const principal = aPrincipal({ limits: { concurrentRequests: 1 } });
const configOf = (leaseMs: number) =>
  ({ current: { quota: { leaseMs }, keys: [{ principal }] } }) as unknown as ConfigStore;

describe('LeaseKeeper', () => {
  let clock: ManualClock;
  let store: MemoryQuotaStore;
  let inFlight: InFlightRequests;
  let config: ConfigStore;
  let keeper: LeaseKeeper;

  beforeEach(() => {
    clock = new ManualClock();
    store = new MemoryQuotaStore(clock, { leaseMs: LEASE_MS, onLeaseExpiry: 'release' });
    inFlight = new InFlightRequests();
    config = configOf(LEASE_MS);
    keeper = new LeaseKeeper(store, inFlight, config, clock);
  });
  afterEach(() => {
    keeper.onApplicationShutdown();
    vi.restoreAllMocks();
  });

  function held(id: string): { ctx: RequestContext; aborted: UpstreamFailure[] } {
    const ctx = aRequestContext({ id, principal });
    const aborted: UpstreamFailure[] = [];
    ctx.abortBy((failure) => aborted.push(failure));
    const result = store.acquire({ id, principal, tokens: 1, costNanoUsd: 1 });
    if (!result.admitted) throw new Error(result.reason);
    begin(ctx, result.reservation);
    return { ctx, aborted };
  }

  function begin(ctx: RequestContext, reservation: Reservation): void {
    ctx.reservation = reservation;
    inFlight.add(ctx);
  }

  it('keeps the reservation of a request that runs for many leases', async () => {
    held('long');
    await clock.advance(10 * LEASE_MS);
    expect(store.usage(principal).concurrent).toBe(1);
  });

  it('renews as often as the store needs it, whatever the file says by now', async () => {
    held('long');
    Object.assign(config, configOf(100 * LEASE_MS));
    await clock.advance(10 * LEASE_MS);
    expect(store.usage(principal).concurrent).toBe(1);
  });

  it('renews no more once the request has ended', async () => {
    const { ctx } = held('short');
    const renew = vi.spyOn(store, 'renew');
    ctx.close();
    await clock.advance(LEASE_MS);
    expect(renew).not.toHaveBeenCalled();
  });

  it('renews nothing for requests that hold nothing', async () => {
    inFlight.add(aRequestContext({ id: 'free', principal }));
    const renew = vi.spyOn(store, 'renew');
    await keeper.renewAll();
    expect(renew).not.toHaveBeenCalled();
    expect(keeper.reservedNanoUsd).toBe(0);
  });

  it.each([
    ['a store of this process', (reservation: Reservation) => reservation],
    ['a store of another one, which copies', (reservation: Reservation) => structuredClone(reservation)],
  ])('renews all leases of a key with one call: %s', async (_store, answered) => {
    const wide = aPrincipal({ limits: { concurrentRequests: 9 } });
    for (const id of ['a', 'b', 'c']) {
      const result = store.acquire({ id, principal: wide, tokens: 1, costNanoUsd: 1 });
      if (result.admitted) begin(aRequestContext({ id, principal: wide }), answered(result.reservation));
    }
    const renew = vi.spyOn(store, 'renew');
    await keeper.renewAll();
    expect(renew.mock.calls).toEqual([[wide, ['a', 'b', 'c']]]);
  });

  it('takes a lost lease up again while there is room', async () => {
    const { aborted } = held('lost');
    vi.spyOn(store, 'renew').mockReturnValueOnce(['lost']);
    const regain = vi.spyOn(store, 'regain');
    await keeper.renewAll();
    expect(regain).toHaveBeenCalledOnce();
    expect(aborted).toEqual([]);
    expect(store.usage(principal).concurrent).toBe(1);
  });

  it('ends a request whose lease is lost and whose place is taken', async () => {
    const { aborted, ctx } = held('lost');
    keeper.onApplicationShutdown();
    await clock.advance(2 * LEASE_MS);
    store.sweep();
    expect(store.acquire({ id: 'next', principal, tokens: 1, costNanoUsd: 1 }).admitted).toBe(true);
    await keeper.renewAll();
    expect(aborted).toMatchObject([{ reason: 'lease_lost', retryable: 'never' }]);
    ctx.close();
  });

  it('sweeps what gateways that died have left, of keys that it never served, too', async () => {
    store.acquire({ id: 'orphan', principal, tokens: 1, costNanoUsd: 1 });
    const sweep = vi.spyOn(store, 'sweep');
    await clock.advance(LEASE_MS + 5_000);
    expect(sweep).toHaveBeenCalledWith([principal.org]);
    expect(store.usage(principal).concurrent).toBe(0);
  });

  it('goes on after a store that failed', async () => {
    held('through');
    const renew = vi.spyOn(store, 'renew').mockImplementationOnce(() => {
      throw new Error('away');
    });
    await clock.advance(LEASE_MS);
    expect(renew.mock.calls.length).toBeGreaterThan(1);
    expect(store.usage(principal).concurrent).toBe(1);
  });

  it('renews the leases of one key where the call for another failed', async () => {
    held('first');
    const other = aPrincipal({ keyId: 'other', limits: { concurrentRequests: 1 } });
    const result = store.acquire({ id: 'second', principal: other, tokens: 1, costNanoUsd: 1 });
    if (result.admitted) begin(aRequestContext({ id: 'second', principal: other }), result.reservation);
    const renew = vi.spyOn(store, 'renew').mockImplementationOnce(() => {
      throw new Error('away');
    });
    await keeper.renewAll();
    expect(renew).toHaveBeenLastCalledWith(other, ['second']);
  });

  it('leaves no timer behind', () => {
    keeper.onApplicationShutdown();
    expect(clock.pending).toBe(0);
  });
});
