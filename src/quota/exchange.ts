import { keysOf } from './redis-keys.js';
import { type QuotaPlan } from './quota-plan.js';
import {
  type AcquireRequest,
  type AcquireResult,
  type BudgetLevel,
  type RateLevel,
  type Refusal,
  type Reservation,
  type Settlement,
  type SettleStatus,
} from './quota-store.js';

/** How an acquire is checked: all of it; budgets and slots only; not at all, being a replay. */
export type AcquireKind = 'new' | 'regain' | 'restore';

const KINDS = { new: 1, regain: 2, restore: 3 } as const;
const NO_ACQUIRE = 0;
const STATUSES: readonly SettleStatus[] = ['settled', 'overrun', 'late', 'already', 'unknown'];
const EXPIRED_AT = 12;
const ADMITTED = 1;
const REPEATED = 2;
const RAISED = 1;
const EXTENSION_REFUSALS: readonly Refusal['reason'][] = ['closed', 'budgetSpent', 'budgetReserved'];
const REFUSALS: readonly Refusal['reason'][] = [
  'closed',
  'requests',
  'tokens',
  'concurrency',
  'budgetSpent',
  'budgetReserved',
];

/** The acquire of an exchange. */
export interface Wanted {
  readonly request: AcquireRequest;
  readonly plan: QuotaPlan;
  readonly kind: AcquireKind;
  readonly admittedAtUs: number;
}

/** Keys and arguments of one run of exchange.lua. */
export interface ExchangeCall {
  readonly keys: string[];
  readonly args: (string | number)[];
}

/** Begins a call; settlements are added in the order in which they are to happen. */
export function beginExchange(
  org: readonly string[],
  settlements: number,
  wanted: Wanted | undefined,
  hold: { readonly leaseUs: number; readonly onExpiry: 'r' | 'c' },
): ExchangeCall {
  const call: ExchangeCall = { keys: [...org], args: [settlements, wanted ? KINDS[wanted.kind] : NO_ACQUIRE] };
  if (wanted === undefined) return call;
  const { request, plan } = wanted;
  const keys = keysOf(plan);
  call.keys.push(keys.requests, keys.tokens, keys.slots, keys.done(request.id));
  call.args.push(request.id, hold.leaseUs, plan.periodUs, plan.burst, plan.tokensPerMinute, request.tokens);
  call.args.push(plan.concurrency, request.costNanoUsd, hold.onExpiry, wanted.admittedAtUs, plan.budgets.length);
  for (const { account, lengthUs, budget } of plan.budgets) call.args.push(account, lengthUs, budget.limitNanoUsd);
  return call;
}

export function addSettlement(call: ExchangeCall, plan: QuotaPlan, settlement: Settlement): void {
  const { reservation, costNanoUsd, tokens } = settlement;
  const keys = keysOf(plan);
  call.keys.push(keys.tokens, keys.slots, keys.done(reservation.id));
  call.args.push(reservation.id, costNanoUsd, reservation.tokens, tokens, plan.tokensPerMinute);
  call.args.push(plan.concurrency > 0 ? 1 : 0, reservation.admittedAtUs, plan.budgets.length);
  for (const { account, lengthUs } of plan.budgets) call.args.push(account, lengthUs);
}

export function readStatuses(reply: readonly unknown[]): readonly SettleStatus[] {
  return (reply[0] as readonly number[]).map((code) => STATUSES[code - 1] ?? 'unknown');
}

/** Reservations of others whose lease had ended, and that the acquire gave back. */
export function readExpired(reply: readonly unknown[]): number {
  return Number(reply[EXPIRED_AT] ?? 0);
}

/** The acquire's part of a reply. */
export function readAcquire(reply: readonly unknown[], { request, plan }: Wanted): AcquireResult {
  const [, verdict = 0, atUs = 0, left = 0, reset = 0, tokensLeft = 0, tokensReset = 0] = reply as readonly number[];
  const levels = readLevels(plan, [left, reset, tokensLeft, tokensReset]);
  if (verdict === ADMITTED || verdict === REPEATED) {
    const { id, principal, tokens, costNanoUsd } = request;
    const reservation = { id, principal, tokens, costNanoUsd, admittedAtUs: atUs, heldBy: 'store' } as const;
    return { admitted: true, reservation, repeated: verdict === REPEATED, levels };
  }
  const [waitUs = 0, number = 0, spent = 0, reserved = 0, endUs = 0] = (reply as readonly number[]).slice(7);
  const budget = plan.budgets[number - 1]?.budget;
  return {
    admitted: false,
    reason: REFUSALS[verdict - 3] ?? 'unavailable',
    retryAfterUs: waitUs > 0 ? waitUs : undefined,
    budget: budget && levelOf(budget, [spent, reserved, endUs]),
    levels,
  };
}

/** What extend.lua answered. */
export function readExtension(reply: readonly number[], wanted: Reservation, plan: QuotaPlan): AcquireResult {
  const [verdict = 0, admittedAtUs = 0, number = 0, ...totals] = reply;
  const levels = { requests: undefined, tokens: undefined };
  if (verdict === RAISED) return { admitted: true, reservation: { ...wanted, admittedAtUs }, repeated: false, levels };
  const budget = plan.budgets[number - 1]?.budget;
  return {
    admitted: false,
    reason: EXTENSION_REFUSALS[verdict - 2] ?? 'unavailable',
    retryAfterUs: undefined,
    budget: budget && levelOf(budget, totals),
    levels,
  };
}

export function levelOf(budget: QuotaPlan['budgets'][number]['budget'], totals: readonly number[]): BudgetLevel {
  const [spentNanoUsd = 0, reservedNanoUsd = 0, resetsAtUs = 0] = totals;
  return { ...budget, spentNanoUsd, reservedNanoUsd, resetsAtUs };
}

export function readLevels(plan: QuotaPlan, values: readonly number[]): Refusal['levels'] {
  const [left = 0, reset = 0, tokensLeft = 0, tokensReset = 0] = values;
  return {
    requests: rateLevel(plan.requestsPerMinute, left, reset),
    tokens: rateLevel(plan.tokensPerMinute, tokensLeft, tokensReset),
  };
}

function rateLevel(limit: number, remaining: number, resetUs: number): RateLevel | undefined {
  return limit === 0 ? undefined : { limit, remaining, resetUs };
}
