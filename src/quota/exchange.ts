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
const STATUSES: readonly SettleStatus[] = ['settled', 'overrun', 'late', 'already', 'unknown'];
/** Numbers of an acquire's answer. */
const VERDICT_LENGTH = 11;
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

/** An acquire of an exchange. */
export interface Wanted {
  readonly request: AcquireRequest;
  readonly plan: QuotaPlan;
  readonly kind: AcquireKind;
  readonly admittedAtUs: number;
}

/** A settlement of an exchange. */
export interface Settled {
  readonly plan: QuotaPlan;
  readonly settlement: Settlement;
}

/** What every reservation of this gateway has in common. */
export interface Hold {
  readonly leaseUs: number;
  readonly onExpiry: 'r' | 'c';
}

/** Keys and arguments of one run of exchange.lua. */
export interface ExchangeCall {
  readonly keys: string[];
  readonly args: readonly [string];
}

/** The call for operations of one org, which happen in their order. At least one is there. */
export function exchangeCall(settled: readonly Settled[], wanted: readonly Wanted[], hold: Hold): ExchangeCall {
  const first = (settled[0] ?? wanted[0])?.plan;
  if (first === undefined) throw new Error('an exchange of nothing');
  const keys = [...keysOf(first).org];
  const plans: QuotaPlan[] = [];
  const placeOf = (plan: QuotaPlan): number => {
    const known = plans.indexOf(plan);
    return known < 0 ? plans.push(plan) : known + 1;
  };
  const done: string[] = [];
  let words = '';
  for (const { plan, settlement } of settled) {
    const { reservation, costNanoUsd, tokens } = settlement;
    words += ` ${placeOf(plan)} ${reservation.id} ${costNanoUsd} ${reservation.tokens} ${tokens} ${reservation.admittedAtUs}`;
    done.push(keysOf(plan).done(reservation.id));
  }
  for (const { plan, request, kind, admittedAtUs } of wanted) {
    words += ` ${placeOf(plan)} ${KINDS[kind]} ${request.id} ${request.tokens} ${request.costNanoUsd} ${admittedAtUs}`;
    done.push(keysOf(plan).done(request.id));
  }
  let head = `${hold.leaseUs} ${hold.onExpiry} ${plans.length} ${settled.length} ${wanted.length}`;
  for (const plan of plans) {
    const { requests, tokens, slots } = keysOf(plan);
    keys.push(requests, tokens, slots);
    head += wordsOf(plan);
  }
  keys.push(...done);
  return { keys, args: [head + words] };
}

const planWords = new WeakMap<QuotaPlan, string>();

/** A plan as the script reads it. */
function wordsOf(plan: QuotaPlan): string {
  let words = planWords.get(plan);
  if (words === undefined) {
    const { periodUs, burst, tokensPerMinute, concurrency, budgets } = plan;
    words = ` ${periodUs} ${burst} ${tokensPerMinute} ${concurrency} ${budgets.length}`;
    for (const { account, lengthUs, budget } of budgets) words += ` ${account} ${lengthUs} ${budget.limitNanoUsd}`;
    planWords.set(plan, words);
  }
  return words;
}

/** What exchange.lua answered: the numbers of its reply. */
export class ExchangeReply {
  readonly #numbers: readonly number[];

  constructor(
    reply: unknown,
    private readonly settlements: number,
  ) {
    this.#numbers = String(reply).split(' ').map(Number);
  }

  /** Reservations of others whose lease had ended, and that the acquires gave back. */
  get expired(): number {
    return this.#at(0);
  }

  status(nth: number): SettleStatus {
    return STATUSES[this.#at(1 + nth) - 1] ?? 'unknown';
  }

  result(nth: number, { request, plan }: Wanted): AcquireResult {
    const from = 1 + this.settlements + nth * VERDICT_LENGTH;
    const verdict = this.#at(from);
    const levels = readLevels(plan, this.#numbers, from + 2);
    if (verdict === ADMITTED || verdict === REPEATED) {
      const { id, principal, tokens, costNanoUsd } = request;
      const admittedAtUs = this.#at(from + 1);
      const reservation = { id, principal, tokens, costNanoUsd, admittedAtUs, heldBy: 'store' } as const;
      return { admitted: true, reservation, repeated: verdict === REPEATED, levels };
    }
    const waitUs = this.#at(from + 6);
    const budget = plan.budgets[this.#at(from + 7) - 1]?.budget;
    return {
      admitted: false,
      reason: REFUSALS[verdict - 3] ?? 'unavailable',
      retryAfterUs: waitUs > 0 ? waitUs : undefined,
      budget: budget && levelOf(budget, this.#numbers.slice(from + 8, from + VERDICT_LENGTH)),
      levels,
    };
  }

  #at(place: number): number {
    return this.#numbers[place] ?? 0;
  }
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

/** Left and reset of requests, then of tokens, from a place on. */
export function readLevels(plan: QuotaPlan, numbers: readonly number[], from: number): Refusal['levels'] {
  return {
    requests: rateLevel(plan.requestsPerMinute, numbers[from], numbers[from + 1]),
    tokens: rateLevel(plan.tokensPerMinute, numbers[from + 2], numbers[from + 3]),
  };
}

function rateLevel(limit: number, remaining = 0, resetUs = 0): RateLevel | undefined {
  return limit === 0 ? undefined : { limit, remaining, resetUs };
}
