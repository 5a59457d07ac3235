import { type Clock } from '../kernel/clock.js';
import { GatewayError } from '../kernel/gateway-error.js';
import { type Refusal } from './quota-store.js';
import { retryHeaders } from './rate-headers.js';

/** A refusal of the quota store as the caller is told it. */
export function refusalError(refusal: Refusal, clock: Clock): GatewayError {
  const headers = refusal.retryAfterUs === undefined ? {} : retryHeaders(refusal.retryAfterUs);
  switch (refusal.reason) {
    case 'requests':
      return new GatewayError('rate_limit_exceeded', { message: 'Rate limit reached: requests per minute.', headers });
    case 'tokens':
      return new GatewayError('rate_limit_exceeded', {
        message: 'Rate limit reached: tokens per minute.',
        type: 'tokens',
        headers,
      });
    case 'concurrency':
      return new GatewayError('concurrency_limit_exceeded', { headers });
    case 'tooManyTokens':
      return new GatewayError('request_exceeds_limit');
    case 'budgetSpent':
      return new GatewayError('insufficient_quota', { headers: budgetHeaders(refusal, clock) });
    case 'budgetReserved':
      // Nobody knows when a request in flight ends: spread those who wait.
      return new GatewayError('budget_reserved', {
        headers: { ...budgetHeaders(refusal, clock), 'retry-after': String(1 + Math.floor(clock.random() * 3)) },
      });
    case 'unavailable':
      return new GatewayError('quota_backend_unavailable');
    case 'closed':
      return new GatewayError('internal_error', { cause: new Error('a reservation id was used twice') });
  }
}

function budgetHeaders({ budget }: Refusal, clock: Clock): Record<string, string> {
  if (!budget) return {};
  const seconds = Math.max(0, Math.ceil((budget.resetsAtUs / 1000 - clock.wall()) / 1000));
  return { 'x-budget-reset': String(seconds) };
}
