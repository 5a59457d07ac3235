import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { targetOf } from '../../test/support/target.js';
import { configSources } from '../../test/support/config-sources.js';
import { buildSnapshot } from '../config/load-snapshot.js';
import { type Target } from '../kernel/snapshot.js';
import { type FailureReason, type Retryable, UpstreamFailure } from '../kernel/upstream.js';
import { type FailedAttempt, nextAttempt, type RetrySituation } from './next-attempt.js';

const SETTINGS = buildSnapshot(
  `version: 1
providers: [{ name: p, kind: simulated }]
models: [{ name: m, targets: [{ provider: p, model: m }] }]`,
  configSources(),
).snapshot.resilience;

const [a, b, substitute] = [targetOf('openai', { id: 'a' }), targetOf('openai', { id: 'b' }), tier(1, 'substitute')];

function tier(number: number, id: string): Target {
  return targetOf('openai', { id, tier: number });
}

function failed(
  target: Target,
  reason: FailureReason = 'server_error',
  retryable: Retryable = 'same',
  headers: Record<string, string> = {},
): FailedAttempt {
  return { target, failure: new UpstreamFailure('fault', reason, retryable, { headers }) };
}

function next(plan: readonly Target[], failures: readonly FailedAttempt[], changes: Partial<RetrySituation> = {}) {
  return nextAttempt(failures, {
    plan,
    settings: SETTINGS,
    clock: new ManualClock([0.5]),
    remainingMs: 600_000,
    trySpendRetry: () => true,
    usable: () => true,
    ...changes,
  });
}

describe('nextAttempt', () => {
  it('begins with the plan as it is', () => {
    expect(next([a, b], [])).toEqual({ targets: [a, b], kind: 'first', waitMs: 0 });
  });

  it('prefers equals, and keeps the rest of the plan behind them', () => {
    expect(next([substitute, a, b], [failed(a)])).toEqual({ targets: [b, substitute], kind: 'failover', waitMs: 0 });
  });

  it('passes over equals that may not be tried now', () => {
    const step = next([a, b, substitute], [failed(a)], { usable: (target) => target !== b });
    expect(step).toMatchObject({ targets: [a], kind: 'retry' });
  });

  it('never tries again what must not be tried again', () => {
    expect(next([a, b], [failed(a, 'rejected', 'never')])).toBeUndefined();
  });

  it('ends at maxAttempts', () => {
    expect(next([a, b, substitute], [failed(a), failed(b), failed(a)])).toBeUndefined();
  });

  it('ends when a lone target was silent', () => {
    expect(next([a], [failed(a, 'first_token_timeout', 'elsewhere')])).toBeUndefined();
    expect(next([a], [failed(a, 'connect_timeout', 'same')])).toBeUndefined();
  });

  it('asks a target again once only while it has a substitute', () => {
    expect(next([a, substitute], [failed(a)])).toMatchObject({ kind: 'retry', targets: [a] });
    expect(next([a, substitute], [failed(a), failed(a)])).toMatchObject({ kind: 'failover', targets: [substitute] });
    expect(next([a], [failed(a), failed(a)])).toMatchObject({ kind: 'retry', targets: [a], waitMs: 100 });
  });

  it('goes to the substitute at once where the budget allows no second try, and pays for nothing else', () => {
    const asked: Target[] = [];
    const trySpendRetry = (target: Target): boolean => asked.push(target) > 1;
    expect(next([a, substitute], [failed(a)], { trySpendRetry })).toMatchObject({ targets: [substitute] });
    expect(next([a, b], [failed(a)], { trySpendRetry })).toMatchObject({ targets: [b] });
    expect(asked).toEqual([a]);
  });

  it('does not wait for a Retry-After that the deadline does not leave time for', () => {
    const throttled = failed(a, 'throttled', 'same', { 'retry-after': '2' });
    expect(next([a], [throttled], { remainingMs: 2_000 })).toBeUndefined();
    expect(next([a], [throttled], { remainingMs: 5_000 })).toMatchObject({ waitMs: 2_125 });
  });

  it('takes a Retry-After of zero, or one that makes no sense, for none', () => {
    for (const value of ['0', '-1', 'abc']) {
      expect(next([a], [failed(a, 'throttled', 'same', { 'retry-after': value })])).toMatchObject({ waitMs: 50 });
    }
  });

  it('sends a prompt that was too long to windows that are larger or unknown', () => {
    const small = targetOf('openai', { id: 'small', contextTokens: 8 });
    const same = targetOf('openai', { id: 'same', contextTokens: 8 });
    const large = targetOf('openai', { id: 'large', contextTokens: 9, tier: 2 });
    const failure = [failed(small, 'context_length', 'elsewhere')];
    expect(next([small, same, large, substitute], failure)?.targets).toEqual([large, substitute]);
    expect(next([small, same], failure)).toBeUndefined();
  });
});
