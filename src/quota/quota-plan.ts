import { type Budget, type Principal } from '../kernel/snapshot.js';
import { type AcquireRequest, type BudgetLevel, type Refusal } from './quota-store.js';
import { defaultBurst, requestPeriodUs } from './gcra.js';
import { windowLengthUs } from './budget-window.js';

/** A budget with the name of its account, which keys of the same team, user or org share. */
export interface BudgetPlan {
  readonly budget: Budget;
  /** `scope.name:window`. */
  readonly account: string;
  /** Org and account: unique in the process. */
  readonly path: string;
  /** Length in µs; 0 = calendar month. */
  readonly lengthUs: number;
}

/** A principal's limits in the stores' units; 0 = no such limit. */
export interface QuotaPlan {
  readonly org: string;
  readonly keyId: string;
  /** Org and key: unique in the process. */
  readonly path: string;
  readonly requestsPerMinute: number;
  /** Between two requests, µs. */
  readonly periodUs: number;
  readonly burst: number;
  readonly tokensPerMinute: number;
  readonly concurrency: number;
  readonly budgets: readonly BudgetPlan[];
  /** Nothing to check: the store need not be asked. */
  readonly unlimited: boolean;
}

const plans = new WeakMap<Principal, QuotaPlan>();

/** The plan of a frozen principal, computed once. */
export function planOf(principal: Principal): QuotaPlan {
  let plan = plans.get(principal);
  if (plan === undefined) {
    plan = buildPlan(principal);
    plans.set(principal, plan);
  }
  return plan;
}

/** A refusal that no store need be asked for: the request alone is larger than a limit. */
export function impossible(plan: QuotaPlan, request: AcquireRequest, nowUs: number): Refusal | undefined {
  if (plan.tokensPerMinute > 0 && request.tokens > plan.tokensPerMinute) {
    return refuseAlone('tooManyTokens', undefined);
  }
  for (const { budget } of plan.budgets) {
    if (request.costNanoUsd > budget.limitNanoUsd) return refuseAlone('budgetSpent', untouched(budget, nowUs));
  }
  return undefined;
}

function refuseAlone(reason: 'tooManyTokens' | 'budgetSpent', budget: BudgetLevel | undefined): Refusal {
  return {
    admitted: false,
    reason,
    retryAfterUs: undefined,
    budget,
    levels: { requests: undefined, tokens: undefined },
  };
}

function untouched(budget: Budget, nowUs: number): BudgetLevel {
  return { ...budget, spentNanoUsd: 0, reservedNanoUsd: 0, resetsAtUs: nowUs };
}

function buildPlan(principal: Principal): QuotaPlan {
  const { limits } = principal;
  const requestsPerMinute = limits.requestsPerMinute ?? 0;
  const tokensPerMinute = limits.tokensPerMinute ?? 0;
  const concurrency = limits.concurrentRequests ?? 0;
  const budgets = principal.budgets.map((budget) => planBudget(principal, budget));
  const org = encodeURIComponent(principal.org);
  return {
    org,
    keyId: principal.keyId,
    path: `${org}/${principal.keyId}`,
    requestsPerMinute,
    periodUs: requestPeriodUs(requestsPerMinute),
    burst: limits.requestBurst ?? defaultBurst(requestsPerMinute),
    tokensPerMinute,
    concurrency,
    budgets,
    unlimited: requestsPerMinute + tokensPerMinute + concurrency + budgets.length === 0,
  };
}

function planBudget(principal: Principal, budget: Budget): BudgetPlan {
  const name = { key: principal.keyId, user: principal.user, team: principal.team, org: principal.org }[budget.scope];
  // Encoded so that no name can hold the separators of the store's records.
  const account = `${budget.scope}.${encodeURIComponent(name ?? '')}:${budget.window}`;
  return {
    budget,
    account,
    path: `${encodeURIComponent(principal.org)}/${account}`,
    lengthUs: windowLengthUs(budget.window),
  };
}
