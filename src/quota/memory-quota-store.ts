import { reservationsExpired } from '../kernel/channels.js';
import { type Clock } from '../kernel/clock.js';
import { type Principal } from '../kernel/snapshot.js';
import { admission, NO_LEVELS, refusalOf } from './acquire-results.js';
import { BudgetBook } from './budget-book.js';
import { KeyState } from './key-state.js';
import { impossible, planOf, type QuotaPlan } from './quota-plan.js';
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
import { RecentIds } from './recent-ids.js';
import { ReservationTable } from './reservation-table.js';
import { requireWhole } from './whole-amounts.js';

export interface QuotaStoreOptions {
  /** How long a reservation outlives its last renewal, ms. */
  readonly leaseMs: number;
  /** What becomes of a reservation whose gateway is gone. */
  readonly onLeaseExpiry: 'release' | 'charge';
}

const SWEPT_PER_ACQUIRE = 32;
const SWEPT_PER_SWEEP = 10_000;
/** No answer gets lost inside a process: ids are kept against mistakes, not against retries of an hour ago. */
const IDS_KEPT = 1_024;
/** When a slot becomes free nobody knows. */
const CONCURRENCY_RETRY_US = 1_000_000;

/** The quota store of a gateway that runs alone: exact, synchronous, bounded. Never fails. */
export class MemoryQuotaStore implements QuotaStore {
  readonly #time: QuotaTime;
  readonly #keys = new Map<string, { readonly state: KeyState; plan: QuotaPlan }>();
  readonly #budgets = new BudgetBook();
  readonly #table = new ReservationTable();
  readonly #closed = new RecentIds(IDS_KEPT);
  readonly #leaseUs: number;

  constructor(
    clock: Clock,
    private readonly options: QuotaStoreOptions,
  ) {
    this.#time = new QuotaTime(clock);
    this.#leaseUs = options.leaseMs * 1000;
  }

  acquire(request: AcquireRequest): AcquireResult {
    requireWhole(request.tokens, request.costNanoUsd);
    const nowUs = this.#time.nowUs();
    const plan = planOf(request.principal);
    if (plan.unlimited) return admission(request, nowUs, NO_LEVELS, false);
    const never = impossible(plan, request, nowUs);
    if (never !== undefined) return never;
    this.#expire(nowUs, SWEPT_PER_ACQUIRE);
    const key = this.#key(plan);
    const known = this.#known(request, plan, key, nowUs);
    if (known !== undefined) return known;
    const refusal = this.#refusal(request, plan, key, nowUs);
    if (refusal !== undefined) return refusal;
    key.take(plan, nowUs, request.tokens);
    return this.#admit(request, nowUs, plan, key, nowUs);
  }

  settle({ reservation, costNanoUsd, tokens }: Settlement): SettleStatus {
    requireWhole(tokens, costNanoUsd);
    const { id } = reservation;
    const plan = planOf(reservation.principal);
    if (plan.unlimited) return 'settled';
    const held = this.#table.remove(id);
    if (held === undefined && this.#closed.has(id)) return 'already';
    const known = held !== undefined || reservation.admittedAtUs > 0;
    // A release closes an id that has not arrived yet, too: a late acquire of it is refused.
    if (known || costNanoUsd + tokens === 0) this.#closed.add(id);
    if (!known) return 'unknown';
    const key = this.#key(plan);
    key.leases.free(id);
    key.refund(plan, this.#time.nowUs(), (held?.reservation.tokens ?? reservation.tokens) - tokens);
    if (held === undefined) {
      this.#budgets.book(plan, reservation.admittedAtUs, { spent: costNanoUsd, reserved: 0, unchecked: costNanoUsd });
      return 'late';
    }
    const over = Math.max(0, costNanoUsd - held.reservation.costNanoUsd);
    const reserved = -held.reservation.costNanoUsd;
    this.#budgets.bookAt(held.plan, held.windows, { spent: costNanoUsd, reserved, unchecked: over });
    return over > 0 ? 'overrun' : 'settled';
  }

  release(reservation: Reservation): SettleStatus {
    return this.settle({ reservation, costNanoUsd: 0, tokens: 0 });
  }

  renew(principal: Principal, ids: readonly string[]): readonly string[] {
    const nowUs = this.#time.nowUs();
    const plan = planOf(principal);
    if (plan.unlimited) return [];
    const key = this.#key(plan);
    const endUs = nowUs + this.#leaseUs;
    return ids.filter((id) => {
      const held = this.#table.get(id);
      if (held === undefined) return true;
      held.leaseEndUs = endUs;
      this.#table.hold(held);
      if (plan.concurrency > 0) key.leases.hold(id, endUs);
      return false;
    });
  }

  regain(reservation: Reservation): AcquireResult {
    const nowUs = this.#time.nowUs();
    const plan = planOf(reservation.principal);
    if (plan.unlimited) return admission(reservation, reservation.admittedAtUs, NO_LEVELS, true);
    this.#expire(nowUs, SWEPT_PER_ACQUIRE);
    const key = this.#key(plan);
    const known = this.#known(reservation, plan, key, nowUs);
    if (known !== undefined) return known;
    const refusal = this.#heldRefusal(reservation, plan, key, nowUs);
    return refusal ?? this.#admit(reservation, nowUs, plan, key, nowUs);
  }

  extend(reservation: Reservation): AcquireResult {
    requireWhole(reservation.tokens, reservation.costNanoUsd);
    const nowUs = this.#time.nowUs();
    const plan = planOf(reservation.principal);
    if (plan.unlimited) return admission(reservation, reservation.admittedAtUs, NO_LEVELS, false);
    const held = this.#table.get(reservation.id);
    if (held === undefined) return refusalOf('closed', undefined, NO_LEVELS);
    const { admittedAtUs } = held.reservation;
    const tokens = Math.max(held.reservation.tokens, reservation.tokens);
    const costNanoUsd = Math.max(held.reservation.costNanoUsd, reservation.costNanoUsd);
    const more = costNanoUsd - held.reservation.costNanoUsd;
    const budget = this.#budgets.refusalAt(plan, held.windows, more);
    if (budget !== undefined) return { ...refusalOf(budget.reason, undefined, NO_LEVELS), budget: budget.level };
    this.#budgets.bookAt(held.plan, held.windows, { spent: 0, reserved: more, unchecked: 0 });
    this.#key(plan).refund(plan, nowUs, held.reservation.tokens - tokens);
    const result = admission({ ...reservation, tokens, costNanoUsd }, admittedAtUs, NO_LEVELS, more === 0);
    held.reservation = result.reservation;
    return result;
  }

  usage(principal: Principal): QuotaUsage {
    const nowUs = this.#time.nowUs();
    const plan = planOf(principal);
    const key = this.#key(plan);
    return {
      levels: key.levels(plan, nowUs),
      concurrent: key.leases.count(nowUs),
      budgets: plan.budgets.map((budget) => this.#budgets.level(budget, nowUs)),
    };
  }

  /** Sweeps all orgs, and forgets keys and accounts that are as good as new. */
  sweep(): number {
    const nowUs = this.#time.nowUs();
    const swept = this.#expire(nowUs, SWEPT_PER_SWEEP);
    for (const [name, { state, plan }] of this.#keys) {
      if (state.idle(nowUs, plan.tokensPerMinute)) this.#keys.delete(name);
    }
    this.#budgets.forgetIdle(nowUs);
    return swept;
  }

  audit(): AuditReport {
    const live = new Map<string, number>();
    for (const { plan, windows, reservation } of this.#table.values()) {
      plan.budgets.forEach((budget, place) => {
        const name = `${budget.path}/${windows[place] ?? 0}`;
        live.set(name, (live.get(name) ?? 0) + reservation.costNanoUsd);
      });
    }
    const windows = [...this.#budgets.entries()].flatMap(([name, { windows: kept }]) =>
      kept.map(({ index, spent, reserved }) => ({
        org: decodeURIComponent(name.slice(0, name.indexOf('/'))),
        account: name.slice(name.indexOf('/') + 1),
        index,
        spentNanoUsd: spent,
        reservedNanoUsd: reserved,
        recomputedNanoUsd: live.get(`${name}/${index}`) ?? 0,
        chargedNanoUsd: this.#budgets.tallyOf(name, index).charged,
        uncheckedNanoUsd: this.#budgets.tallyOf(name, index).unchecked,
      })),
    );
    const overdueUs = this.#time.nowUs() - (this.#table.oldest?.leaseEndUs ?? Infinity);
    return { windows, reservations: this.#table.size, overdueUs: Math.max(0, overdueUs) };
  }

  close(): void {
    // Nothing outlives the process.
  }

  #known(request: AcquireRequest, plan: QuotaPlan, key: KeyState, nowUs: number): AcquireResult | undefined {
    if (this.#closed.has(request.id)) return refusalOf('closed', undefined, key.levels(plan, nowUs));
    const held = this.#table.get(request.id);
    if (held === undefined) return undefined;
    this.renew(request.principal, [request.id]);
    return admission(held.reservation, held.reservation.admittedAtUs, key.levels(plan, nowUs), true);
  }

  // What waiting helps least is told first.
  #refusal(request: AcquireRequest, plan: QuotaPlan, key: KeyState, nowUs: number): Refusal | undefined {
    const requestWait = key.requestWaitUs(plan, nowUs);
    const tokenWait = key.tokenWaitUs(plan, nowUs, request.tokens);
    const held = this.#heldRefusal(request, plan, key, nowUs);
    if (held?.reason === 'budgetSpent' || (requestWait === 0 && tokenWait === 0)) return held;
    const reason = requestWait >= tokenWait ? 'requests' : 'tokens';
    return refusalOf(reason, Math.max(requestWait, tokenWait), key.levels(plan, nowUs));
  }

  #heldRefusal(request: AcquireRequest, plan: QuotaPlan, key: KeyState, nowUs: number): Refusal | undefined {
    const budget = this.#budgets.refusal(plan, nowUs, request.costNanoUsd);
    const full = plan.concurrency > 0 && key.leases.count(nowUs) >= plan.concurrency;
    if (budget !== undefined && (budget.reason === 'budgetSpent' || !full)) {
      return { ...refusalOf(budget.reason, undefined, key.levels(plan, nowUs)), budget: budget.level };
    }
    return full ? refusalOf('concurrency', CONCURRENCY_RETRY_US, key.levels(plan, nowUs)) : undefined;
  }

  #admit(request: AcquireRequest, atUs: number, plan: QuotaPlan, key: KeyState, nowUs: number): Admission {
    const result = admission(request, atUs, key.levels(plan, nowUs), false);
    const leaseEndUs = nowUs + this.#leaseUs;
    if (plan.concurrency > 0) key.leases.hold(request.id, leaseEndUs);
    const windows = this.#budgets.book(plan, atUs, { spent: 0, reserved: request.costNanoUsd, unchecked: 0 });
    this.#table.hold({ reservation: result.reservation, plan, windows, leaseEndUs });
    return result;
  }

  #expire(nowUs: number, most: number): number {
    let swept = 0;
    for (; swept < most; swept++) {
      const held = this.#table.takeExpired(nowUs);
      if (held === undefined) break;
      const charged = this.options.onLeaseExpiry === 'charge';
      const cost = held.reservation.costNanoUsd;
      this.#budgets.bookAt(held.plan, held.windows, { spent: charged ? cost : 0, reserved: -cost, unchecked: 0 });
      if (charged) this.#closed.add(held.reservation.id);
    }
    if (swept > 0) reservationsExpired.publish({ count: swept });
    return swept;
  }

  #key(plan: QuotaPlan): KeyState {
    let entry = this.#keys.get(plan.path);
    if (entry === undefined) {
      entry = { state: new KeyState(), plan };
      this.#keys.set(plan.path, entry);
    }
    entry.plan = plan;
    return entry.state;
  }
}
