import { reservationsExpired } from '../kernel/channels.js';
import { type Clock } from '../kernel/clock.js';
import { type Principal } from '../kernel/snapshot.js';
import { admission, NO_LEVELS, refusalOf } from './acquire-results.js';
import { type AccountWindow } from './budget-account.js';
import { BudgetBook } from './budget-book.js';
import { Bookkeeping, type PrincipalBooks } from './principal-books.js';
import { impossible } from './quota-plan.js';
import {
  type AcquireRequest,
  type AcquireResult,
  type Admission,
  type AuditReport,
  type QuotaStore,
  type QuotaUsage,
  type Refusal,
  type Reservation,
  type Settlement,
  type SettleStatus,
} from './quota-store.js';
import { QuotaTime } from './quota-time.js';
import { CLOSED, HeldReservation, ReservationTable } from './reservation-table.js';
import { requireWhole } from './whole-amounts.js';

export interface QuotaStoreOptions {
  /** How long a reservation outlives its last renewal, ms. */
  readonly leaseMs: number;
  /** What becomes of a reservation whose gateway is gone. */
  readonly onLeaseExpiry: 'release' | 'charge';
}

const SWEPT_PER_ACQUIRE = 32;
const SWEPT_PER_SWEEP = 10_000;
/** When a slot becomes free nobody knows. */
const CONCURRENCY_RETRY_US = 1_000_000;

/** The quota store of a gateway that runs alone: exact, synchronous, bounded. Never fails. */
export class MemoryQuotaStore implements QuotaStore {
  readonly leaseMs: number;
  readonly #time: QuotaTime;
  readonly #budgets = new BudgetBook();
  readonly #books = new Bookkeeping(this.#budgets);
  readonly #reservations = new ReservationTable();
  readonly #leaseUs: number;

  constructor(
    clock: Clock,
    private readonly options: QuotaStoreOptions,
  ) {
    this.#time = new QuotaTime(clock);
    this.leaseMs = options.leaseMs;
    this.#leaseUs = options.leaseMs * 1000;
  }

  acquire(request: AcquireRequest): AcquireResult {
    requireWhole(request.tokens, request.costNanoUsd);
    const nowUs = this.#time.nowUs();
    const books = this.#books.booksOf(request.principal);
    const { plan } = books;
    if (plan.unlimited) return admission(request, nowUs, NO_LEVELS, false);
    const never = impossible(plan, request, nowUs);
    if (never !== undefined) return never;
    this.#expire(nowUs, SWEPT_PER_ACQUIRE);
    const known = this.#known(request, books, nowUs);
    if (known !== undefined) return known;
    const refusal = this.#refusal(request, books, nowUs);
    if (refusal !== undefined) return refusal;
    books.key.take(plan, nowUs, request.tokens);
    return this.#admit(request, nowUs, books, nowUs);
  }

  settle({ reservation, costNanoUsd, tokens }: Settlement): SettleStatus {
    requireWhole(tokens, costNanoUsd);
    const { id, principal } = reservation;
    const held = this.#reservations.get(id);
    if (held === CLOSED) return 'already';
    if (held === undefined) return this.#settleLate(reservation, costNanoUsd, tokens);
    this.#reservations.settle(held);
    const { plan, key } = this.#books.booksOf(principal);
    key.refund(plan, this.#time.nowUs(), held.reservation.tokens - tokens);
    const over = Math.max(0, costNanoUsd - held.reservation.costNanoUsd);
    held.book(costNanoUsd, -held.reservation.costNanoUsd, over);
    return over > 0 ? 'overrun' : 'settled';
  }

  release(reservation: Reservation): SettleStatus {
    return this.settle({ reservation, costNanoUsd: 0, tokens: 0 });
  }

  renew(principal: Principal, ids: readonly string[]): readonly string[] {
    const nowUs = this.#time.nowUs();
    const books = this.#books.booksOf(principal);
    if (books.plan.unlimited) return [];
    const endUs = nowUs + this.#leaseUs;
    return ids.filter((id) => {
      const held = this.#reservations.get(id);
      if (held === undefined || held === CLOSED) return true;
      this.#reservations.hold(held, books, endUs);
      return false;
    });
  }

  regain(reservation: Reservation): AcquireResult {
    const nowUs = this.#time.nowUs();
    const books = this.#books.booksOf(reservation.principal);
    if (books.plan.unlimited) return admission(reservation, reservation.admittedAtUs, NO_LEVELS, true);
    this.#expire(nowUs, SWEPT_PER_ACQUIRE);
    const known = this.#known(reservation, books, nowUs);
    if (known !== undefined) return known;
    const refusal = this.#heldRefusal(reservation, books, nowUs);
    return refusal ?? this.#admit(reservation, nowUs, books, nowUs);
  }

  extend(reservation: Reservation): AcquireResult {
    requireWhole(reservation.tokens, reservation.costNanoUsd);
    const nowUs = this.#time.nowUs();
    const { plan, key } = this.#books.booksOf(reservation.principal);
    if (plan.unlimited) return admission(reservation, reservation.admittedAtUs, NO_LEVELS, false);
    const held = this.#reservations.get(reservation.id);
    if (held === undefined || held === CLOSED) return refusalOf(CLOSED, undefined, NO_LEVELS);
    const { admittedAtUs } = held.reservation;
    const tokens = Math.max(held.reservation.tokens, reservation.tokens);
    const costNanoUsd = Math.max(held.reservation.costNanoUsd, reservation.costNanoUsd);
    const more = costNanoUsd - held.reservation.costNanoUsd;
    const budget = this.#budgets.refusalIn(held.books.plan, held.windows, more);
    if (budget !== undefined) return { ...refusalOf(budget.reason, undefined, NO_LEVELS), budget: budget.level };
    held.book(0, more, 0);
    key.refund(plan, nowUs, held.reservation.tokens - tokens);
    const result = admission({ ...reservation, tokens, costNanoUsd }, admittedAtUs, NO_LEVELS, more === 0);
    held.reservation = result.reservation;
    return result;
  }

  usage(principal: Principal): QuotaUsage {
    const nowUs = this.#time.nowUs();
    const { plan, key } = this.#books.booksOf(principal);
    return {
      levels: key.levels(plan, nowUs),
      concurrent: key.concurrent(nowUs),
      budgets: plan.budgets.map((budget) => this.#budgets.level(budget, nowUs)),
    };
  }

  /** Sweeps all orgs, and forgets keys and accounts that are as good as new. */
  sweep(): number {
    const nowUs = this.#time.nowUs();
    const swept = this.#expire(nowUs, SWEPT_PER_SWEEP);
    this.#books.forgetIdle(nowUs);
    return swept;
  }

  audit(): AuditReport {
    const live = new Map<AccountWindow, number>();
    const { held, leases, firstEndUs } = this.#reservations;
    for (const { windows, reservation } of held) {
      for (const window of windows) live.set(window, (live.get(window) ?? 0) + reservation.costNanoUsd);
    }
    const windows = [...this.#budgets.entries()].flatMap(([name, { windows: kept }]) =>
      kept.map((window) => ({
        org: decodeURIComponent(name.slice(0, name.indexOf('/'))),
        account: name.slice(name.indexOf('/') + 1),
        index: window.index,
        spentNanoUsd: window.spent,
        reservedNanoUsd: window.reserved,
        recomputedNanoUsd: live.get(window) ?? 0,
        chargedNanoUsd: window.charged,
        uncheckedNanoUsd: window.unchecked,
      })),
    );
    const overdueUs = this.#time.nowUs() - firstEndUs;
    return { windows, reservations: leases, overdueUs: Math.max(0, overdueUs) };
  }

  close(): void {
    // Nothing outlives the process.
  }

  #known(request: AcquireRequest, { plan, key }: PrincipalBooks, nowUs: number): AcquireResult | undefined {
    const held = this.#reservations.get(request.id);
    if (held === undefined) return undefined;
    if (held === CLOSED) return refusalOf(CLOSED, undefined, key.levels(plan, nowUs));
    this.renew(request.principal, [request.id]);
    return admission(held.reservation, held.reservation.admittedAtUs, key.levels(plan, nowUs), true);
  }

  // What waiting helps least is told first.
  #refusal(request: AcquireRequest, books: PrincipalBooks, nowUs: number): Refusal | undefined {
    const { plan, key } = books;
    const requestWait = key.requestWaitUs(plan, nowUs);
    const tokenWait = key.tokenWaitUs(plan, nowUs, request.tokens);
    const held = this.#heldRefusal(request, books, nowUs);
    if (held?.reason === 'budgetSpent' || (requestWait === 0 && tokenWait === 0)) return held;
    const reason = requestWait >= tokenWait ? 'requests' : 'tokens';
    return refusalOf(reason, Math.max(requestWait, tokenWait), key.levels(plan, nowUs));
  }

  #heldRefusal(request: AcquireRequest, { plan, key, accounts }: PrincipalBooks, nowUs: number): Refusal | undefined {
    const budget = this.#budgets.refusal(plan, accounts, nowUs, request.costNanoUsd);
    const full = plan.concurrency > 0 && key.concurrent(nowUs) >= plan.concurrency;
    if (budget !== undefined && (budget.reason === 'budgetSpent' || !full)) {
      return { ...refusalOf(budget.reason, undefined, key.levels(plan, nowUs)), budget: budget.level };
    }
    return full ? refusalOf('concurrency', CONCURRENCY_RETRY_US, key.levels(plan, nowUs)) : undefined;
  }

  #admit(request: AcquireRequest, atUs: number, books: PrincipalBooks, nowUs: number): Admission {
    const { plan, key, accounts } = books;
    const result = admission(request, atUs, key.levels(plan, nowUs), false);
    const change = { spent: 0, reserved: request.costNanoUsd, unchecked: 0 };
    const windows = this.#budgets.book(plan, accounts, atUs, change);
    this.#reservations.add(new HeldReservation(result.reservation, books, windows), nowUs + this.#leaseUs);
    return result;
  }

  /** Settles what this store does not hold: its lease has ended, or it never arrived. */
  #settleLate(
    { id, principal, admittedAtUs, tokens: reserved }: Reservation,
    cost: number,
    tokens: number,
  ): SettleStatus {
    const { plan, key, accounts } = this.#books.booksOf(principal);
    if (plan.unlimited) return 'settled';
    const known = admittedAtUs > 0;
    // A release closes an id that has not arrived yet, too: a late acquire of it is refused.
    if (known || cost + tokens === 0) this.#reservations.close(id);
    if (!known) return 'unknown';
    key.refund(plan, this.#time.nowUs(), reserved - tokens);
    this.#budgets.book(plan, accounts, admittedAtUs, { spent: cost, reserved: 0, unchecked: cost });
    return 'late';
  }

  #expire(nowUs: number, most: number): number {
    const isCharged = this.options.onLeaseExpiry === 'charge';
    let swept = 0;
    for (; swept < most; swept++) {
      const held = this.#reservations.takeEnded(nowUs, isCharged);
      if (held === undefined) break;
      const cost = held.reservation.costNanoUsd;
      held.book(isCharged ? cost : 0, -cost, 0);
    }
    if (swept > 0) reservationsExpired.publish({ count: swept });
    return swept;
  }
}
