import { formatNanoUsd } from '../kernel/money-format.js';
import { type BudgetLevel, type RateLevel } from './quota-store.js';

/** A rate limit as the API shows it. */
export interface LevelObject {
  readonly limit: number;
  readonly remaining: number;
  readonly resetMs: number;
}

/** A budget as the API shows it. Amounts are decimal strings of USD, exact to the nano-USD. */
export interface BudgetObject {
  readonly scope: string;
  readonly window: string;
  readonly limitUsd: string;
  readonly spentUsd: string;
  readonly reservedUsd: string;
  readonly resetsAt: string;
}

export function levelObject(level: RateLevel | undefined): LevelObject | null {
  if (!level) return null;
  return {
    limit: level.limit,
    remaining: Math.max(0, Math.floor(level.remaining)),
    resetMs: Math.ceil(level.resetUs / 1000),
  };
}

export function budgetObject(budget: BudgetLevel): BudgetObject {
  return {
    scope: budget.scope,
    window: budget.window,
    limitUsd: formatNanoUsd(budget.limitNanoUsd),
    spentUsd: formatNanoUsd(budget.spentNanoUsd),
    reservedUsd: formatNanoUsd(budget.reservedNanoUsd),
    resetsAt: new Date(budget.resetsAtUs / 1000).toISOString(),
  };
}
