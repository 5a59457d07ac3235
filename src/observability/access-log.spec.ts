import { describe, expect, it } from 'vitest';
import { anEndedRequest } from '../../test/support/ended-request.js';
import { targetOf } from '../../test/support/target.js';
import { type AttemptRecord, type RequestContext } from '../kernel/request-context.js';
import { type Model } from '../kernel/snapshot.js';
import { AnswerFacts } from '../kernel/upstream.js';
import { ledgerLine } from './access-log.js';

/** A request that was answered by a target, in 12.5 ms. */
function answered(change: Partial<RequestContext> = {}): RequestContext {
  const ctx = anEndedRequest({ status: 200, end: 'completed', firstContentAt: 9.004 });
  const target = targetOf('openai');
  const facts = Object.assign(new AnswerFacts(), { model: 'gpt-x', finishReason: 'stop' });
  const attempt = { target, facts } as unknown as AttemptRecord;
  ctx.attempts.push(attempt);
  const charge = { promptTokens: 3, completionTokens: 4, costNanoUsd: 1_500_000, usageSource: 'reported' as const };
  const ended = { endedAt: 12.5, endedWall: 1_800_000_000_000, queuedMs: 0.129, model: { name: 'm' } as Model };
  return Object.assign(ctx, { answeredBy: attempt, charge, ...ended }, change);
}

const lineOf = (ctx: RequestContext): Record<string, unknown> => JSON.parse(ledgerLine(ctx)) as Record<string, unknown>;

describe('a line of the ledger', () => {
  it('tells all of a request that went well', () => {
    const ctx = answered();
    expect(lineOf(ctx)).toEqual({
      level: 'info',
      time: '2027-01-15T08:00:00.000Z',
      msg: 'request',
      requestId: 'request-1',
      gatewayId: 'ulid-request-1',
      keyId: ctx.principal.keyId,
      org: ctx.principal.org,
      model: 'm',
      provider: ctx.answeredBy?.target.provider.name,
      upstreamModel: 'gpt-x',
      finishReason: 'stop',
      stream: false,
      attempts: 1,
      continued: 0,
      status: 200,
      end: 'completed',
      code: null,
      cut: null,
      chaos: null,
      promptTokens: 3,
      completionTokens: 4,
      usageSource: 'reported',
      costUsd: '0.0015',
      queuedMs: 0.13,
      ttftMs: 9,
      durationMs: 12.5,
    });
  });

  it.each<[string, Partial<RequestContext>, object]>([
    [
      'an error',
      { status: 502, end: 'failed', code: 'upstream_error' },
      { status: 502, end: 'failed', code: 'upstream_error' },
    ],
    ['a caller that left', { status: 499, end: 'cancelled' }, { status: 499, end: 'cancelled', code: null }],
    ['a cut', { cut: 'reservation_spent' }, { cut: 'reservation_spent', end: 'completed' }],
    ['chaos', { chaos: 'x:error' }, { chaos: 'x:error' }],
    [
      'nobody who answered',
      { answeredBy: undefined, charge: undefined },
      { provider: null, upstreamModel: null, usageSource: 'none', costUsd: '0' },
    ],
    ['no content', { firstContentAt: undefined }, { ttftMs: null }],
  ])('tells of %s', (_what, change, told) => {
    expect(lineOf(answered(change))).toMatchObject(told);
  });

  it('stays one line of JSON whatever an upstream says, and bounds it', () => {
    const facts = Object.assign(new AnswerFacts(), {
      model: `"}\n{"level":60,\u2028é`,
      finishReason: 'x'.repeat(5_000),
    });
    const ctx = answered();
    Object.assign(ctx.answeredBy!, { facts });
    expect(ledgerLine(ctx)).not.toMatch(/[\n\r]/);
    expect(lineOf(ctx)).toMatchObject({ upstreamModel: facts.model, finishReason: 'x'.repeat(256) });
  });

  it.each([
    [0, '0'],
    [0.004, '0'],
    [0.05, '0.05'],
    [1, '1'],
    [12.345, '12.35'],
    [600_000.1, '600000.1'],
  ])('writes %d ms as a number with at most two decimals', (ms, text) => {
    expect(lineOf(answered({ endedAt: ms })).durationMs).toBe(Number(text));
  });
});
