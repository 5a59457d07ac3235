import { type AccountWindow, BudgetAccount, type Booking } from './budget-account.js';
import { windowEndUs, windowIndex } from './budget-window.js';
import { type BudgetPlan, type QuotaPlan } from './quota-plan.js';
import { type BudgetLevel, type RefusalReason } from './quota-store.js';

/** A budget that has no room, and whether waiting for others to end may make some. */
export interface BudgetRefusal {
  readonly reason: Extract<RefusalReason, 'budgetSpent' | 'budgetReserved'>;
  readonly level: BudgetLevel;
}

/** All budget accounts of this process, by org and account. */
export class BudgetBook {
  readonly #accounts = new Map<string, { readonly account: BudgetAccount; readonly lengthUs: number }>();

  /** The budget that refuses a cost; a spent one before one that is only reserved. */
  refusal(
    { budgets }: QuotaPlan,
    accounts: readonly BudgetAccount[],
    nowUs: number,
    cost: number,
  ): BudgetRefusal | undefined {
    // What costs nothing is stopped by no budget.
    if (cost === 0) return undefined;
    let worst: BudgetRefusal | undefined;
    for (let place = 0; place < accounts.length; place++) {
      const budget = budgets[place];
      const account = accounts[place];
      if (budget === undefined || account === undefined || fits(budget, account, nowUs, cost)) continue;
      const level = this.level(budget, nowUs);
      const reason = level.spentNanoUsd + cost > level.limitNanoUsd ? 'budgetSpent' : 'budgetReserved';
      if (worst === undefined || outranks(reason, level, worst)) worst = { reason, level };
    }
    return worst;
  }

  /** The first budget that has no room for more in the windows that a reservation is booked in, in the plan's order. */
  refusalIn(plan: QuotaPlan, windows: readonly AccountWindow[], more: number): BudgetRefusal | undefined {
    if (more === 0) return undefined;
    for (const [place, { budget, lengthUs }] of plan.budgets.entries()) {
      const window = windows[place];
      if (window === undefined || window.spent + window.reserved + more <= budget.limitNanoUsd) continue;
      const { spent, reserved } = window;
      const resetsAtUs = windowEndUs(lengthUs, window.index);
      const level = { ...budget, spentNanoUsd: spent, reservedNanoUsd: reserved, resetsAtUs };
      return { reason: spent + more > budget.limitNanoUsd ? 'budgetSpent' : 'budgetReserved', level };
    }
    return undefined;
  }

  level(plan: BudgetPlan, nowUs: number): BudgetLevel {
    const account = this.#accounts.get(plan.path)?.account;
    const natural = windowIndex(plan.lengthUs, nowUs);
    const index = account?.latest(natural) ?? natural;
    const totals = account?.totals(index);
    return {
      ...plan.budget,
      spentNanoUsd: totals?.spent ?? 0,
      reservedNanoUsd: totals?.reserved ?? 0,
      resetsAtUs: windowEndUs(plan.lengthUs, index),
    };
  }

  /** Books in the windows of an instant, those that are over and gone excepted; returns them, for the booking back. */
  book(
    { budgets }: QuotaPlan,
    accounts: readonly BudgetAccount[],
    atUs: number,
    change: Booking,
  ): readonly AccountWindow[] {
    const windows: AccountWindow[] = [];
    for (let place = 0; place < accounts.length; place++) {
      const window = accounts[place]?.window(windowIndex(budgets[place]?.lengthUs ?? 0, atUs));
      if (window === undefined) continue;
      window.book(change);
      windows.push(window);
    }
    return windows;
  }

  /** Accounts by path. */
  *entries(): Iterable<[string, BudgetAccount]> {
    for (const [name, { account }] of this.#accounts) yield [name, account];
  }

  /** Forgets accounts whose windows are over. @returns how many */
  forgetIdle(nowUs: number): number {
    const before = this.#accounts.size;
    for (const [name, { account, lengthUs }] of this.#accounts) {
      if (account.idle(windowIndex(lengthUs, nowUs) - 1)) this.#accounts.delete(name);
    }
    return before - this.#accounts.size;
  }

  /** Those of a plan's budgets, in their order; they hold until accounts are forgotten. */
  accountsOf(plan: QuotaPlan): readonly BudgetAccount[] {
    return plan.budgets.map((budget) => this.#account(budget));
  }

  #account(plan: BudgetPlan): BudgetAccount {
    let entry = this.#accounts.get(plan.path);
    if (entry === undefined) {
      entry = { account: new BudgetAccount(), lengthUs: plan.lengthUs };
      this.#accounts.set(plan.path, entry);
    }
    return entry.account;
  }
}

function fits({ budget, lengthUs }: BudgetPlan, account: BudgetAccount, nowUs: number, cost: number): boolean {
  const { spent, reserved } = account.totals(account.latest(windowIndex(lengthUs, nowUs)));
  return spent + reserved + cost <= budget.limitNanoUsd;
}

function outranks(reason: BudgetRefusal['reason'], level: BudgetLevel, worst: BudgetRefusal): boolean {
  if (reason !== worst.reason) return reason === 'budgetSpent';
  return level.resetsAtUs > worst.level.resetsAtUs;
}
