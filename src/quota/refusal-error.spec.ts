import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { type BudgetLevel, type Refusal, type RefusalReason } from './quota-store.js';
import { refusalError } from './refusal-error.js';

const clock = new ManualClock([0, 0.5, 0.999]);
const budget = { resetsAtUs: (clock.wall() + 90_500) * 1000 } as BudgetLevel;
const refusal = (reason: RefusalReason, more: Partial<Refusal> = {}): Refusal => ({
  admitted: false,
  reason,
  retryAfterUs: undefined,
  budget: undefined,
  levels: { requests: undefined, tokens: undefined },
  ...more,
});

describe('a refusal as the caller is told it', () => {
  it.each([
    ['requests', 429, 'rate_limit_exceeded', 'requests'],
    ['tokens', 429, 'rate_limit_exceeded', 'tokens'],
    ['concurrency', 429, 'concurrency_limit_exceeded', 'requests'],
    ['tooManyTokens', 400, 'request_exceeds_limit', 'invalid_request_error'],
    ['budgetSpent', 429, 'insufficient_quota', 'insufficient_quota'],
    ['budgetReserved', 429, 'budget_reserved', 'insufficient_quota'],
    ['unavailable', 503, 'quota_backend_unavailable', 'server_error'],
    ['closed', 500, 'internal_error', 'server_error'],
  ] as const)('%s is %i %s', (reason, status, code, type) => {
    expect(refusalError(refusal(reason), clock)).toMatchObject({ status, code, type });
  });

  it.each(['requests', 'tokens', 'concurrency'] as const)('says when to come back after %s', (reason) => {
    const { headers } = refusalError(refusal(reason, { retryAfterUs: 1_200_400 }), clock);
    expect(headers).toMatchObject({ 'retry-after': '2', 'retry-after-ms': '1201' });
  });

  it.each(['tooManyTokens', 'budgetSpent'] as const)('tells SDKs not to retry after %s', (reason) => {
    const { headers } = refusalError(refusal(reason, { budget }), clock);
    expect(headers).toMatchObject({ 'x-should-retry': 'false' });
    expect(headers).not.toHaveProperty('retry-after');
  });

  it('tells when the budget begins anew, never in the past', () => {
    const { headers } = refusalError(refusal('budgetSpent', { budget }), clock);
    expect(headers['x-budget-reset']).toBe('91');
    const past = { ...budget, resetsAtUs: 0 };
    expect(refusalError(refusal('budgetSpent', { budget: past }), clock).headers['x-budget-reset']).toBe('0');
  });

  it('spreads those who wait for a reserved budget over 1 to 3 s, and lets them retry', () => {
    const spread = new ManualClock([0, 0.5, 0.999]);
    const all = [1, 2, 3].map(() => refusalError(refusal('budgetReserved', { budget }), spread).headers);
    expect(all.map((headers) => headers['retry-after'])).toEqual(['1', '2', '3']);
    expect(all[0]).not.toHaveProperty('x-should-retry');
  });
});
