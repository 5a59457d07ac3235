import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aPrice } from '../../test/support/price.js';
import { answeredBy, aRequestContext } from '../../test/support/request-context.js';
import { targetOf } from '../../test/support/target.js';
import { attemptEnded, attemptWasted, type WasteFact } from '../kernel/channels.js';
import { type AttemptRecord } from '../kernel/request-context.js';
import { AnswerFacts, type FailureReason } from '../kernel/upstream.js';
import { WasteMeter } from './waste-meter.js';

const TARGET = targetOf('openai', { price: aPrice() });
/** A message of two letters: the template's tokens, and one. */
const SENT_TOKENS = 4 + 1;

describe('WasteMeter', () => {
  const meter = new WasteMeter();
  let told: WasteFact[];
  let unsubscribe: () => void;

  beforeEach(() => {
    told = [];
    unsubscribe = attemptWasted.subscribe((fact) => told.push(fact));
    meter.onModuleInit();
  });
  afterEach(() => {
    meter.onModuleDestroy();
    unsubscribe();
  });

  const end = (traits: Partial<AttemptRecord>, facts?: Partial<AnswerFacts>): void => {
    const ctx = aRequestContext();
    const record = { ...answeredBy(ctx, TARGET, {}), facts: undefined, outcome: 'fault' as const, ...traits };
    ctx.answeredBy = undefined;
    attemptEnded.publish({ ctx, attempt: { ...record, facts: facts && Object.assign(new AnswerFacts(), facts) } });
  };

  it('tells what an answer that broke before it could be used had cost so far', () => {
    end({ reason: 'truncated' }, { deltas: 3, characters: 40 });
    expect(told).toEqual([{ tokens: SENT_TOKENS + 10, nanoUsd: SENT_TOKENS + 10 * 2 }]);
  });

  it('believes the usage that came', () => {
    end({ reason: 'truncated' }, { usage: { promptTokens: 7, completionTokens: 5, cachedTokens: 0 } });
    expect(told).toEqual([{ tokens: 12, nanoUsd: 7 + 5 * 2 }]);
  });

  it.each([
    { promptTokens: 'x' as unknown as number, completionTokens: 1, cachedTokens: 0 },
    { promptTokens: -1e15, completionTokens: 1, cachedTokens: 0 },
    { promptTokens: 1, completionTokens: 1e308, cachedTokens: 0 },
  ])('believes no usage that cannot be: $promptTokens and $completionTokens', (usage) => {
    end({ reason: 'truncated' }, { usage, deltas: 3, characters: 40 });
    expect(told).toEqual([{ tokens: SENT_TOKENS + 10, nanoUsd: SENT_TOKENS + 10 * 2 }]);
  });

  it.each(['first_token_timeout', 'response_timeout', 'deadline', 'cancelled'] as const)(
    'counts the prompt of an upstream that was let go at work: %s',
    (reason) => {
      end({ reason });
      expect(told).toEqual([{ tokens: SENT_TOKENS, nanoUsd: SENT_TOKENS }]);
    },
  );

  it.each<FailureReason>(['connect_error', 'connect_timeout', 'throttled', 'server_error', 'rejected'])(
    'counts nothing for a request that nobody worked on: %s',
    (reason) => {
      end({ reason });
      expect(told).toEqual([]);
    },
  );

  it('counts tokens without a cost where the target has no price', () => {
    end({ reason: 'deadline', target: targetOf('openai', { model: 'nobody-knows-its-price' }) });
    expect(told).toEqual([{ tokens: SENT_TOKENS, nanoUsd: 0 }]);
  });

  it('counts no attempt whose answer the caller got, whole or in part: it is charged', () => {
    const ctx = aRequestContext();
    const attempt = answeredBy(ctx, TARGET, { deltas: 3 });
    attempt.outcome = 'fault';
    attempt.reason = 'reset';
    attemptEnded.publish({ ctx, attempt });
    expect(told).toEqual([]);
  });
});
