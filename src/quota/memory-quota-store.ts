import { reservationsExpired } from '../kernel/channels.js';
import { type Clock } from '../kernel/clock.js';
import { type Principal } from '../kernel/snapshot.js';
import { admission, NO_LEVELS, refusalOf } from './acquire-results.js';
import { type AccountWindow } from './budget-account.js';
import { BudgetBook } from './budget-book.js';
import { IdTable } from './id-table.js';
import { KeyState } from './key-state.js';
import { Lease, LeaseQueue } from './lease-queue.js';
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
const IDS_KEPT = 256;
/** Of reservations that were charged as their lease ended: their gateway may have been stopped for a while, and settle yet. */
const CHARGED_IDS_KEPT = 20_000;
/** When a slot becomes free nobody knows. */
const CONCURRENCY_RETRY_US = 1_000_000;

/** A live reservation and where it is booked. */
class Held {
  /** Until when it outlives its gateway. */
  readonly lease = new Lease<Held>(this);
  /** Of its key's limit of concurrent requests, where it has one. */
  readonly slot = new Lease<Held>(this);

  constructor(
    public reservation: Reservation,
    readonly plan: QuotaPlan,
    /** Where its slot is. */
    public key: KeyState,
    /** Windows of its budgets, in the plan's order. */
    readonly windows: readonly AccountWindow[],
  ) {}

  /** A key that was forgotten meanwhile has another state. */
  moveSlot(key: KeyState, endUs: number): void {
    this.key.slots.remove(this.slot);
    this.key = key;
    key.slots.hold(this.slot, endUs);
  }

  book(spent: number, reserved: number, unchecked: number): void {
    for (const window of this.windows) window.book({ spent, reserved, unchecked });
  }
}

/** The quota store of a gateway that runs alone: exact, synchronous, bounded. Never fails. */
export class MemoryQuotaStore implements QuotaStore {
  readonly #time: QuotaTime;
  readonly #keys = new Map<string, { readonly state: KeyState; plan: QuotaPlan }>();
  readonly #budgets = new BudgetBook();
  readonly #held = new IdTable<Held>();
  readonly #leases = new LeaseQueue<Held>();
  readonly #closed = new RecentIds(IDS_KEPT);
  readonly #charged = new RecentIds(CHARGED_IDS_KEPT);
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
    const held = this.#held.get(id);
    if (held === undefined) return this.#settleLate(reservation, plan, costNanoUsd, tokens);
    this.#end(held);
    this.#closed.add(id);
    this.#key(plan).refund(plan, this.#time.nowUs(), held.reservation.tokens - tokens);
    const over = Math.max(0, costNanoUsd - held.reservation.costNanoUsd);
    held.book(costNanoUsd, -held.reservation.costNanoUsd, over);
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
      const held = this.#held.get(id);
      if (held === undefined) return true;
      this.#leases.hold(held.lease, endUs);
      if (plan.concurrency > 0) held.moveSlot(key, endUs);
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
    const held = this.#held.get(reservation.id);
    if (held === undefined) return refusalOf('closed', undefined, NO_LEVELS);
    const { admittedAtUs } = held.reservation;
    const tokens = Math.max(held.reservation.tokens, reservation.tokens);
    const costNanoUsd = Math.max(held.reservation.costNanoUsd, reservation.costNanoUsd);
    const more = costNanoUsd - held.reservation.costNanoUsd;
    const budget = this.#budgets.refusalIn(held.plan, held.windows, more);
    if (budget !== undefined) return { ...refusalOf(budget.reason, undefined, NO_LEVELS), budget: budget.level };
    held.book(0, more, 0);
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
      concurrent: key.concurrent(nowUs),
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
    const live = new Map<AccountWindow, number>();
    for (const { windows, reservation } of this.#held.values()) {
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
    const overdueUs = this.#time.nowUs() - (this.#leases.first?.endUs ?? Infinity);
    return { windows, reservations: this.#held.size, overdueUs: Math.max(0, overdueUs) };
  }

  close(): void {
    // Nothing outlives the process.
  }

  #known(request: AcquireRequest, plan: QuotaPlan, key: KeyState, nowUs: number): AcquireResult | undefined {
    if (this.#isClosed(request.id)) return refusalOf('closed', undefined, key.levels(plan, nowUs));
    const held = this.#held.get(request.id);
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
    const full = plan.concurrency > 0 && key.concurrent(nowUs) >= plan.concurrency;
    if (budget !== undefined && (budget.reason === 'budgetSpent' || !full)) {
      return { ...refusalOf(budget.reason, undefined, key.levels(plan, nowUs)), budget: budget.level };
    }
    return full ? refusalOf('concurrency', CONCURRENCY_RETRY_US, key.levels(plan, nowUs)) : undefined;
  }

  #admit(request: AcquireRequest, atUs: number, plan: QuotaPlan, key: KeyState, nowUs: number): Admission {
    const result = admission(request, atUs, key.levels(plan, nowUs), false);
    const leaseEndUs = nowUs + this.#leaseUs;
    const windows = this.#budgets.book(plan, atUs, { spent: 0, reserved: request.costNanoUsd, unchecked: 0 });
    const held = new Held(result.reservation, plan, key, windows);
    this.#held.set(request.id, held);
    this.#leases.hold(held.lease, leaseEndUs);
    if (plan.concurrency > 0) key.slots.hold(held.slot, leaseEndUs);
    return result;
  }

  #isClosed(id: string): boolean {
    return this.#closed.has(id) || this.#charged.has(id);
  }

  /** Nothing is held for the id any more. */
  #end(held: Held): void {
    this.#held.delete(held.reservation.id);
    this.#leases.remove(held.lease);
    held.key.slots.remove(held.slot);
  }

  /** Settles what this store does not hold: its lease has ended, or it never arrived. */
  #settleLate(
    { id, admittedAtUs, tokens: reserved }: Reservation,
    plan: QuotaPlan,
    cost: number,
    tokens: number,
  ): SettleStatus {
    if (this.#isClosed(id)) return 'already';
    const known = admittedAtUs > 0;
    // A release closes an id that has not arrived yet, too: a late acquire of it is refused.
    if (known || cost + tokens === 0) this.#closed.add(id);
    if (!known) return 'unknown';
    this.#key(plan).refund(plan, this.#time.nowUs(), reserved - tokens);
    this.#budgets.book(plan, admittedAtUs, { spent: cost, reserved: 0, unchecked: cost });
    return 'late';
  }

  #expire(nowUs: number, most: number): number {
    let swept = 0;
    for (; swept < most; swept++) {
      const held = this.#leases.takeEnded(nowUs)?.owner;
      if (held === undefined) break;
      this.#end(held);
      const charged = this.options.onLeaseExpiry === 'charge';
      const cost = held.reservation.costNanoUsd;
      held.book(charged ? cost : 0, -cost, 0);
      if (charged) this.#charged.add(held.reservation.id);
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
