import { type BudgetWindow, type Principal } from '../kernel/snapshot.js';
import { windowEndUs, windowLengthUs } from './budget-window.js';
import { planOf } from './quota-plan.js';
import { type AuditedWindow, type AuditReport } from './quota-store.js';

/**
 * `over_limit`: spent and reserved exceed the limit by more than went unchecked. `spent_differs`: not the sum of the
 * charges. `reserved_differs`: not the sum of the live reservations.
 */
export type ViolationName = 'over_limit' | 'spent_differs' | 'reserved_differs';

/** A budget window that is not as it must be. */
export interface Violation {
  readonly name: ViolationName;
  readonly org: string;
  /** `scope.name:window`. */
  readonly account: string;
  /** End of the window, µs since the epoch. */
  readonly endsAtUs: number;
  /** How far it is from what it must be, nano-USD; negative where it is too small. */
  readonly byNanoUsd: number;
}

/**
 * What an audit found wrong. A budget that several keys limit is held to the highest of their limits, one that no key
 * has any more to none.
 */
export function violationsOf(report: AuditReport, principals: readonly Principal[]): readonly Violation[] {
  const limits = limitsOf(principals);
  return report.windows.flatMap((window) => {
    const limit = limits.get(`${encodeURIComponent(window.org)}/${window.account}`) ?? Infinity;
    const { spentNanoUsd, reservedNanoUsd, uncheckedNanoUsd } = window;
    const over = Math.max(0, spentNanoUsd + reservedNanoUsd - limit - uncheckedNanoUsd);
    return [
      ...violation('over_limit', window, over),
      ...violation('spent_differs', window, spentNanoUsd - window.chargedNanoUsd),
      ...violation('reserved_differs', window, reservedNanoUsd - window.recomputedNanoUsd),
    ];
  });
}

/** Largest difference between an account and the sums that it must equal, nano-USD. */
export function largestDifference(report: AuditReport): number {
  return report.windows.reduce((largest, { spentNanoUsd, chargedNanoUsd, reservedNanoUsd, recomputedNanoUsd }) => {
    const spent = Math.abs(spentNanoUsd - chargedNanoUsd);
    return Math.max(largest, spent, Math.abs(reservedNanoUsd - recomputedNanoUsd));
  }, 0);
}

function limitsOf(principals: readonly Principal[]): Map<string, number> {
  const limits = new Map<string, number>();
  for (const principal of principals) {
    for (const { path, budget } of planOf(principal).budgets) {
      limits.set(path, Math.max(limits.get(path) ?? 0, budget.limitNanoUsd));
    }
  }
  return limits;
}

function violation(name: ViolationName, { org, account, index }: AuditedWindow, byNanoUsd: number): Violation[] {
  if (byNanoUsd === 0) return [];
  const window = account.slice(account.lastIndexOf(':') + 1) as BudgetWindow;
  return [{ name, org, account, endsAtUs: windowEndUs(windowLengthUs(window), index), byNanoUsd }];
}
