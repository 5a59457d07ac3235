import { beforeEach, describe, expect, it } from 'vitest';
import { FlakyQuotaStore } from '../../test/support/flaky-quota-store.js';
import { ManualClock } from '../../test/support/manual-clock.js';
import { aBudget, aPrincipal } from '../../test/support/principal.js';
import { answeredBy, aRequestContext } from '../../test/support/request-context.js';
import { targetOf } from '../../test/support/target.js';
import { nextBatch } from '../kernel/batch-reading.js';
import { type RequestContext } from '../kernel/request-context.js';
import { type Answer, type AnswerFacts, type UpstreamFailure } from '../kernel/upstream.js';
import { reservedStream } from './reserved-stream.js';
import { FIRST_SLICE, SlicedReservation } from './sliced-reservation.js';

const FULL = 32_000;
const PROMPT = 100;
/** A token costs 1 nano-USD here, of the prompt and of the answer. */
const cost = (outputTokens: number): number => PROMPT + outputTokens;

describe('a sliced reservation', () => {
  let store: FlakyQuotaStore;
  let aborted: UpstreamFailure[];

  beforeEach(() => {
    store = new FlakyQuotaStore(new ManualClock(), { leaseMs: 30_000, onLeaseExpiry: 'release' });
    aborted = [];
  });

  /** A stream whose upstream sends `perBatch` tokens a read and ends by itself after `total`. */
  async function begin(budget: number, total: number, perBatch = 1) {
    const principal = aPrincipal({ budgets: [aBudget(budget)] });
    const ctx = aRequestContext({ principal, body: { stream: true }, quota: { mode: 'sliced' } });
    const { facts } = answeredBy(ctx, targetOf('openai'), { content: true }) as { facts: AnswerFacts };
    ctx.abortBy((failure) => aborted.push(failure));
    ctx.reservedOutputTokens = FULL;
    const tokens = PROMPT + FIRST_SLICE;
    const result = await store.acquire({ id: ctx.id, principal, tokens, costNanoUsd: cost(FIRST_SLICE) });
    if (!result.admitted) throw new Error(result.reason);
    const bounds = { promptTokens: PROMPT, outputTokens: FULL, cost };
    const sliced = new SlicedReservation(ctx, store, result.reservation, bounds);
    const first = { payloads: ['{"id":"c"}'], json: undefined };
    const upstream: Answer = {
      first,
      read: (reader) => {
        if (facts.deltas >= total) facts.finished.add(0);
        else facts.deltas += perBatch;
        if (facts.finished.size > 0) reader.end(undefined);
        else reader.batch(first);
      },
    };
    return { ctx, principal, facts, sliced, answer: reservedStream(ctx, upstream) };
  }

  async function read(answer: Answer): Promise<string | undefined> {
    let last: string | undefined;
    for (let batch = await nextBatch(answer); batch; batch = await nextBatch(answer)) last = batch.payloads.at(-1);
    return last;
  }

  const reservedOf = ({ principal }: RequestContext): number =>
    store.truth.usage(principal).budgets[0]!.reservedNanoUsd;
  const asked = (): number => store.calls.filter((call) => call === 'extend').length;

  it('holds the first slice alone while an answer is short, and asks nothing more', async () => {
    const { ctx, answer } = await begin(100_000, 500);
    await read(answer);
    expect(reservedOf(ctx)).toBe(cost(FIRST_SLICE));
    expect(asked()).toBe(0);
  });

  it('grows by 768 tokens ahead of what comes, and never beyond what the request may use', async () => {
    const { ctx, facts, sliced, answer } = await begin(100_000, 2000);
    await read(answer);
    expect(facts.deltas).toBe(2000);
    expect(reservedOf(ctx)).toBe(cost(FIRST_SLICE + 2 * 768));
    expect(sliced.reservation).toMatchObject({ costNanoUsd: reservedOf(ctx), tokens: PROMPT + FIRST_SLICE + 2 * 768 });
    const long = await begin(100_000, FULL, 7);
    store.calls.length = 0;
    await read(long.answer);
    expect(long.sliced.reservation.costNanoUsd).toBe(cost(FULL));
    expect(aborted).toEqual([]);
  });

  it('ends the stream with length where the next slice is refused, having sent what was held', async () => {
    const { ctx, facts, answer } = await begin(cost(FIRST_SLICE + 768), FULL);
    const last = await read(answer);
    expect(JSON.parse(last!)).toMatchObject({ id: 'c', choices: [{ index: 0, delta: {}, finish_reason: 'length' }] });
    expect(facts.deltas).toBe(FIRST_SLICE + 768);
    expect(ctx.cut).toBe('reservation_spent');
    expect(aborted).toMatchObject([{ reason: 'cancelled' }]);
    expect(asked()).toBe(2);
  });

  it('pays for reads larger than a slice before the next one', async () => {
    const { ctx, facts, answer } = await begin(100_000, 10_000, 2500);
    await read(answer);
    expect(facts.deltas).toBe(10_000);
    expect(reservedOf(ctx)).toBeGreaterThanOrEqual(cost(10_000));
    expect(aborted).toEqual([]);
  });

  it('goes beyond what it holds by one read at most', async () => {
    const { facts, answer } = await begin(cost(FIRST_SLICE), FULL, 250);
    await read(answer);
    expect(facts.deltas - FIRST_SLICE).toBeLessThanOrEqual(250);
  });

  it('ends where the store fails', async () => {
    const { facts, answer } = await begin(100_000, FULL);
    store.trouble = 'refusing';
    await read(answer);
    expect(facts.deltas).toBe(FIRST_SLICE);
  });

  it('takes all of it up again where its lease was lost meanwhile', async () => {
    const { ctx, facts, answer } = await begin(100_000, 1500);
    store.loseAll();
    await read(answer);
    expect(facts.deltas).toBe(1500);
    expect(reservedOf(ctx)).toBe(cost(FIRST_SLICE + 768));
  });

  it('asks nothing for a request that has ended, and waits for nothing', async () => {
    const { ctx, facts, sliced } = await begin(100_000, FULL);
    ctx.close();
    facts.deltas = 5000;
    sliced.use(facts);
    expect(await sliced.covers()).toBe(true);
    expect(asked()).toBe(0);
  });
});
