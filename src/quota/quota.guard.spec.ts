import { type ExecutionContext } from '@nestjs/common';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { aPrice } from '../../test/support/price.js';
import { aBudget, aPrincipal } from '../../test/support/principal.js';
import { aRequestContext, type RequestTraits } from '../../test/support/request-context.js';
import { targetOf } from '../../test/support/target.js';
import * as slot from '../http/context-slot.js';
import { quotaRefused } from '../kernel/channels.js';
import { type RequestContext } from '../kernel/request-context.js';
import { Ledger } from './ledger.js';
import { MemoryQuotaStore } from './memory-quota-store.js';
import { QuotaGuard } from './quota.guard.js';
import { type QuotaStore } from './quota-store.js';
import { slicedReservationOf } from './sliced-reservation.js';

const execution = { getArgByIndex: () => ({ raw: {} }) } as unknown as ExecutionContext;
const budgeted = aPrincipal({ budgets: [aBudget(1_000_000)] });
const priced = targetOf('openai', { price: aPrice() });

describe('QuotaGuard', () => {
  const clock = new ManualClock();
  let store: MemoryQuotaStore;
  let guard: QuotaGuard;

  const guardOf = (quotas: QuotaStore) => new QuotaGuard(quotas, new Ledger(quotas), clock);

  beforeEach(() => {
    store = new MemoryQuotaStore(clock, { leaseMs: 30_000, onLeaseExpiry: 'release' });
    guard = guardOf(store);
  });

  function request(traits: RequestTraits): RequestContext {
    const ctx = aRequestContext({ targets: [priced], ...traits });
    vi.spyOn(slot, 'contextOf').mockReturnValue(ctx);
    return ctx;
  }

  const reservedOf = (ctx: RequestContext) => store.usage(ctx.principal).budgets[0]!.reservedNanoUsd;
  const promptOf = (ctx: RequestContext) => Math.ceil(ctx.request!.document.bytes.length / 2) + 8;

  it('asks no store where the key has no limits, and sets no cap', () => {
    const acquire = vi.spyOn(store, 'acquire');
    const ctx = request({});
    expect(guard.canActivate(execution)).toBe(true);
    expect(acquire).not.toHaveBeenCalled();
    expect([ctx.outputCap, ctx.reservation]).toEqual([undefined, undefined]);
  });

  it('reserves the worst case, and writes what bounds it upstream', () => {
    const ctx = request({ principal: budgeted });
    expect(guard.canActivate(execution)).toBe(true);
    expect(ctx.outputCap).toBe(4096);
    expect(reservedOf(ctx)).toBe(promptOf(ctx) + 2 * 4096);
    expect(ctx.reservation).toMatchObject({ id: 'r-1', tokens: promptOf(ctx) + 4096 });
  });

  it('reserves for every choice, and caps each', () => {
    const ctx = request({ principal: budgeted, body: { n: 3 } });
    ctx.outputCap = 100;
    void guard.canActivate(execution);
    expect(ctx.outputCap).toBe(100);
    expect(reservedOf(ctx)).toBe(promptOf(ctx) + 2 * 300);
  });

  it('counts every byte where reservations are strict', () => {
    const ctx = request({ principal: budgeted, quota: { strict: true } });
    void guard.canActivate(execution);
    expect(reservedOf(ctx)).toBe(ctx.request!.document.bytes.length + 8 + 2 * 4096);
  });

  it('holds a slice of a long stream where reservations are sliced, with the whole cap upstream', () => {
    const stream = request({ principal: budgeted, quota: { mode: 'sliced' }, body: { stream: true } });
    void guard.canActivate(execution);
    expect([stream.outputCap, stream.reservedOutputTokens]).toEqual([4096, 4096]);
    expect(reservedOf(stream)).toBe(promptOf(stream) + 2 * 1024);
  });

  it.each([
    ['a plain answer', { body: {} }, 4096],
    ['a short stream', { body: { stream: true, max_tokens: 1024 } }, 4096],
    ['whole reservations', { body: { stream: true }, quota: { mode: 'whole' } as const }, 4096],
  ])('holds all of %s', (_name, traits, output) => {
    const ctx = request({ principal: budgeted, quota: { mode: 'sliced' }, ...traits });
    if ('max_tokens' in traits.body) ctx.outputCap = 1024;
    void guard.canActivate(execution);
    expect(reservedOf(ctx)).toBe(promptOf(ctx) + 2 * (ctx.outputCap ?? output));
    expect(slicedReservationOf(ctx)).toBeUndefined();
  });

  it('looks only at targets that the key may use and that are on', () => {
    const dear = targetOf('openai', {
      price: aPrice({ outputPicoUsd: 9e6 }),
      provider: { ...priced.provider, name: 'dear' },
    });
    const off = targetOf('openai', { provider: { ...priced.provider, enabled: false } });
    const ctx = request({ principal: { ...budgeted, providers: ['contract'] }, targets: [priced, dear, off] });
    void guard.canActivate(execution);
    expect(reservedOf(ctx)).toBe(promptOf(ctx) + 2 * 4096);
  });

  it('refuses a model without a price where there is a budget, and nowhere else', () => {
    const targets = [priced, targetOf('openai')];
    request({ principal: budgeted, targets });
    expect(() => guard.canActivate(execution)).toThrow(expect.objectContaining({ code: 'unpriced_model' }) as Error);
    request({ principal: aPrincipal({ limits: { requestsPerMinute: 1 } }), targets });
    expect(guard.canActivate(execution)).toBe(true);
  });

  it('tells the levels with an admission and with a refusal, holds nothing after one, and says why', () => {
    const reasons: string[] = [];
    const unsubscribe = quotaRefused.subscribe(({ reason }) => reasons.push(reason));
    const principal = aPrincipal({ limits: { requestsPerMinute: 60, requestBurst: 1 } });
    const first = request({ principal });
    void guard.canActivate(execution);
    expect(first.answerHeaders.toObject()['x-ratelimit-limit-requests']).toBe('60');
    const second = request({ id: 'r-2', principal });
    expect(() => guard.canActivate(execution)).toThrow(
      expect.objectContaining({ code: 'rate_limit_exceeded' }) as Error,
    );
    unsubscribe();
    expect(second.answerHeaders.toObject()['x-ratelimit-remaining-requests']).toBe('0');
    expect([first.reservation?.id, second.reservation, reasons]).toEqual(['r-1', undefined, ['requests']]);
  });

  it('waits for a store that is elsewhere', async () => {
    const remote = { acquire: (asked) => Promise.resolve(store.acquire(asked)) } as QuotaStore;
    const ctx = request({ principal: budgeted });
    const admitted = guardOf(remote).canActivate(execution);
    expect(ctx.reservation).toBeUndefined();
    expect(await admitted).toBe(true);
    expect(ctx.reservation?.id).toBe('r-1');
  });
});
