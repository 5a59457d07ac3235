import { type GatewayError } from '../kernel/gateway-error.js';
import { type Clock } from '../kernel/clock.js';
import { type Principal } from '../kernel/snapshot.js';
import { planOf, impossible } from '../quota/quota-plan.js';
import { type AcquireRequest, type QuotaUsage, type Refusal, type RefusalReason } from '../quota/quota-store.js';
import { refusalError } from '../quota/refusal-error.js';

/** What a reservation would be for. */
export interface Wanted {
  readonly principal: Principal;
  readonly tokens: number;
  readonly costNanoUsd: number;
}

/** The refusal that the store would give now, told from what it says is used: nothing is taken. */
export function quotaForecast(wanted: Wanted, usage: QuotaUsage, clock: Clock): GatewayError | undefined {
  const refusal = never(wanted, clock) ?? refusalFor(wanted, usage);
  return refusal && refusalError(refusal, clock);
}

function never(wanted: Wanted, clock: Clock): Refusal | undefined {
  const request: AcquireRequest = { id: '', ...wanted };
  return impossible(planOf(wanted.principal), request, clock.wall() * 1000);
}

// In the store's order: what waiting helps least is told first.
function refusalFor({ principal, tokens, costNanoUsd }: Wanted, usage: QuotaUsage): Refusal | undefined {
  const refused = (reason: RefusalReason, budget?: Refusal['budget']): Refusal => ({
    admitted: false,
    reason,
    retryAfterUs: undefined,
    budget,
    levels: usage.levels,
  });
  const { levels, concurrent } = usage;
  // What costs nothing is stopped by no budget.
  const budgets = costNanoUsd === 0 ? [] : usage.budgets;
  const spent = budgets.find((budget) => budget.spentNanoUsd + costNanoUsd > budget.limitNanoUsd);
  if (spent) return refused('budgetSpent', spent);
  if (levels.requests && levels.requests.remaining < 1) return refused('requests');
  if (levels.tokens && levels.tokens.remaining < tokens) return refused('tokens');
  if (concurrent >= (principal.limits.concurrentRequests ?? Infinity)) return refused('concurrency');
  const held = budgets.find(
    (budget) => budget.spentNanoUsd + budget.reservedNanoUsd + costNanoUsd > budget.limitNanoUsd,
  );
  return held && refused('budgetReserved', held);
}
