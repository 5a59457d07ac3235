import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { aPrice } from '../../test/support/price.js';
import { aBudget, aPrincipal } from '../../test/support/principal.js';
import { answeredBy, aRequestContext } from '../../test/support/request-context.js';
import { seededRandom } from '../../test/support/seeded-random.js';
import { targetOf } from '../../test/support/target.js';
import { overrunCharged } from '../kernel/channels.js';
import { type AnswerFacts } from '../kernel/upstream.js';
import { promptUpperBound, worstCaseCost } from './cost.js';
import { chargeOf, Ledger } from './ledger.js';
import { MemoryQuotaStore } from './memory-quota-store.js';
import { type QuotaStore, type Reservation } from './quota-store.js';
import { promptSize } from './token-estimate.js';

const principal = aPrincipal({
  budgets: [aBudget(1_000_000)],
  limits: { tokensPerMinute: 1000, concurrentRequests: 2 },
});
const BOUNDS = { promptTokens: 100, outputTokens: 50 };
const WORST = 100 + 2 * 50;
const target = targetOf('openai', { price: aPrice() });
const reserving = targetOf('openai', {
  price: aPrice(),
  provider: { ...target.provider, onDisconnect: 'reserved' },
});
const usage = (promptTokens: number, completionTokens: number) => ({ promptTokens, completionTokens, cachedTokens: 0 });

describe('Ledger', () => {
  let store: MemoryQuotaStore;
  let ledger: Ledger;
  let overruns: number[];
  let unsubscribe: () => void;

  beforeEach(() => {
    store = new MemoryQuotaStore(new ManualClock(), { leaseMs: 30_000, onLeaseExpiry: 'release' });
    ledger = new Ledger(store);
    overruns = [];
    unsubscribe = overrunCharged.subscribe(({ nanoUsd }) => overruns.push(nanoUsd));
  });
  afterEach(() => unsubscribe());

  function reserve(): Reservation {
    const result = store.acquire({ id: 'r-1', principal, tokens: 150, costNanoUsd: WORST });
    if (!result.admitted) throw new Error(result.reason);
    return result.reservation;
  }

  /** A request that was answered so far as the facts say, and has ended. */
  function ended(facts: Partial<AnswerFacts> | undefined, by = target) {
    const ctx = aRequestContext({ principal });
    ledger.open(ctx, BOUNDS, reserve());
    if (facts) answeredBy(ctx, by, facts);
    ctx.close();
    return ctx;
  }

  const level = () => {
    const { budgets, concurrent } = store.usage(principal);
    return { spent: budgets[0]!.spentNanoUsd, reserved: budgets[0]!.reservedNanoUsd, concurrent };
  };

  it('holds the worst case until the request ends', () => {
    const ctx = aRequestContext({ principal });
    ledger.open(ctx, BOUNDS, reserve());
    expect(level()).toEqual({ spent: 0, reserved: WORST, concurrent: 1 });
    expect(ctx.charge).toBeUndefined();
  });

  it.each([
    ['finished', { done: true, usage: usage(10, 20) }],
    ['broke after its usage', { usage: usage(10, 20) }],
  ])('charges what was reported of an answer that %s', (_name, facts) => {
    const { charge } = ended(facts);
    expect(charge).toEqual({ promptTokens: 10, completionTokens: 20, costNanoUsd: 50, usageSource: 'reported' });
    expect(level()).toEqual({ spent: 50, reserved: 0, concurrent: 0 });
  });

  it('takes a reported 0 for what it is', () => {
    const { charge } = ended({ done: true, usage: usage(10, 0), deltas: 9 });
    expect(charge).toMatchObject({ completionTokens: 0, costNanoUsd: 10, usageSource: 'reported' });
  });

  it.each([usage(10, 10_000), usage(-1, 1), usage(0.5, 1)])('replaces usage that cannot be true: %j', (reported) => {
    expect(ended({ done: true, usage: reported, deltas: 7 }).charge).toMatchObject({
      completionTokens: 7,
      usageSource: 'estimated',
    });
  });

  it('estimates an answer that was cut before its usage came', () => {
    const { charge } = ended({ deltas: 3, characters: 40 });
    expect(charge).toMatchObject({ completionTokens: 10, usageSource: 'estimated' });
    expect(level().spent).toBe(charge!.costNanoUsd);
  });

  it('charges the reservation where the provider bills it whatever the caller saw', () => {
    expect(ended({ deltas: 3 }, reserving).charge).toMatchObject({ costNanoUsd: WORST, usageSource: 'estimated' });
    expect(level()).toEqual({ spent: WORST, reserved: 0, concurrent: 0 });
  });

  it('charges the usage on such a provider where it came', () => {
    expect(ended({ usage: usage(1, 1) }, reserving).charge).toMatchObject({ costNanoUsd: 3, usageSource: 'reported' });
  });

  it('exceeds no strict reservation, whatever the prompt is made of', () => {
    const random = seededRandom(16);
    const letters = ['𓀀', '🜁', 'ꙮ', '\u0085', '𝔘', 'é', '\u202e', 'x'];
    for (let n = 0; n < 100; n++) {
      const prompt = Array.from({ length: 1 + Math.floor(random() * 300) }, () => letters[Math.floor(random() * 8)]);
      const body = { messages: [{ role: 'user', content: prompt.join('') }] };
      const ctx = aRequestContext({ body, quota: { strict: true } });
      const bounds = { promptTokens: promptUpperBound(promptSize(ctx.request!), true), outputTokens: 10 };
      // A tokenizer that knows none of these spends a token on each byte, and a few on the frame of a message.
      const tokens = Buffer.byteLength(prompt.join('')) + 4;
      answeredBy(ctx, target, { done: true, usage: usage(tokens, 10) });
      const charge = chargeOf(ctx, bounds);
      expect(charge.usageSource).toBe('reported');
      expect(charge.costNanoUsd).toBeLessThanOrEqual(worstCaseCost([target], bounds.promptTokens, 10)!);
    }
  });

  it('gives everything back where nobody answered', () => {
    expect(ended(undefined).charge).toMatchObject({ costNanoUsd: 0, usageSource: 'none' });
    expect(level()).toEqual({ spent: 0, reserved: 0, concurrent: 0 });
  });

  it('charges once, however often the request is closed', () => {
    const ctx = ended({ done: true, usage: usage(10, 20) });
    ctx.close();
    expect(level().spent).toBe(50);
  });

  it('settles at once what is opened after its request has ended', () => {
    const ctx = aRequestContext({ principal });
    ctx.close();
    ledger.open(ctx, BOUNDS, reserve());
    expect(level()).toEqual({ spent: 0, reserved: 0, concurrent: 0 });
  });

  it('tells by how much a reservation was too small, and charges all of it', () => {
    ended({ done: true, usage: usage(100, 60) });
    expect(overruns).toEqual([20]);
    expect(level().spent).toBe(WORST + 20);
  });

  it('says nothing of an overrun that meets no budget', () => {
    const ctx = aRequestContext();
    const reservation = { ...reserve(), principal: aPrincipal() };
    ledger.open(ctx, BOUNDS, reservation);
    answeredBy(ctx, target, { usage: usage(100, 60) });
    ctx.close();
    expect(overruns).toEqual([]);
  });

  it('knows the charge of requests without a reservation, too', () => {
    const ctx = aRequestContext();
    ledger.open(ctx, BOUNDS, undefined);
    answeredBy(ctx, target, { done: true, usage: usage(10, 20) });
    ctx.close();
    expect(ctx.charge).toMatchObject({ costNanoUsd: 50 });
  });

  it('waits, when it is flushed, for settlements under way, and outlives those that fail', async () => {
    let arrive = (): void => undefined;
    let refuse = (_error: Error): void => undefined;
    const answers = [
      new Promise<'settled'>((resolve) => (arrive = () => resolve('settled'))),
      new Promise<'settled'>((_resolve, reject) => (refuse = reject)),
    ];
    const remote = { settle: () => answers.pop() } as unknown as QuotaStore;
    ledger = new Ledger(remote);
    const reservation = reserve();
    for (let n = 0; n < 2; n++) {
      const ctx = aRequestContext({ principal });
      ledger.open(ctx, BOUNDS, reservation);
      answeredBy(ctx, target, { usage: usage(1, 1) });
      ctx.close();
    }
    let flushed = false;
    const flush = ledger.flush().then(() => (flushed = true));
    refuse(new Error('gone'));
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    expect(flushed).toBe(false);
    arrive();
    await flush;
    expect(flushed).toBe(true);
  });
});
