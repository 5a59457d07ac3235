import { reservationsExpired } from '../kernel/channels.js';
import { type Clock } from '../kernel/clock.js';
import { type Principal } from '../kernel/snapshot.js';
import { admission, NO_LEVELS, refusalOf } from './acquire-results.js';
import { type AccountWindow, type BudgetAccount } from './budget-account.js';
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
const CLOSED = 'closed';
/** When a slot becomes free nobody knows. */
const CONCURRENCY_RETRY_US = 1_000_000;

/** What the requests of a principal are booked on. */
interface Books {
  readonly plan: QuotaPlan;
  readonly key: KeyState;
  /** Of the plan's budgets, in their order. */
  readonly accounts: readonly BudgetAccount[];
}

/** A live reservation and where it is booked. */
class Held {
  /** Until when it outlives its gateway. */
  readonly lease = new Lease<Held>(this);
  /** Of its key's limit of concurrent requests, where it has one. */
  readonly slot = new Lease<Held>(this);

  constructor(
    public reservation: Reservation,
    /** Where its slot is. */
    public books: Books,
    /** Windows of its budgets, in the plan's order. */
    readonly windows: readonly AccountWindow[],
  ) {}

  /** A key that was forgotten meanwhile has other books. */
  moveSlot(books: Books, endUs: number): void {
    this.books.key.slots.remove(this.slot);
    this.books = books;
    books.key.slots.hold(this.slot, endUs);
  }

  book(spent: number, reserved: number, unchecked: number): void {
    for (const window of this.windows) window.book({ spent, reserved, unchecked });
  }
}

/** The quota store of a gateway that runs alone: exact, synchronous, bounded. Never fails. */
export class MemoryQuotaStore implements QuotaStore {
  readonly #time: QuotaTime;
  readonly leaseMs: number;
  readonly #keys = new Map<string, KeyState>();
  readonly #budgets = new BudgetBook();
  /** Found once per principal, until a key or an account is forgotten. */
  #books = new WeakMap<Principal, Books>();
  /** What is held, and the ids for which nothing may be held any more. */
  readonly #ids = new IdTable<Held | typeof CLOSED>();
  readonly #leases = new LeaseQueue<Held>();
  readonly #closed = new RecentIds(IDS_KEPT);
  readonly #charged = new RecentIds(CHARGED_IDS_KEPT);
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
    const books = this.#booksOf(request.principal);
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
    const held = this.#ids.get(id);
    if (held === CLOSED) return 'already';
    if (held === undefined) return this.#settleLate(reservation, costNanoUsd, tokens);
    this.#end(held);
    this.#close(id, this.#closed);
    const { plan, key } = this.#booksOf(principal);
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
    const books = this.#booksOf(principal);
    if (books.plan.unlimited) return [];
    const endUs = nowUs + this.#leaseUs;
    return ids.filter((id) => {
      const held = this.#ids.get(id);
      if (held === undefined || held === CLOSED) return true;
      this.#leases.hold(held.lease, endUs);
      if (books.plan.concurrency > 0) held.moveSlot(books, endUs);
      return false;
    });
  }

  regain(reservation: Reservation): AcquireResult {
    const nowUs = this.#time.nowUs();
    const books = this.#booksOf(reservation.principal);
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
    const { plan, key } = this.#booksOf(reservation.principal);
    if (plan.unlimited) return admission(reservation, reservation.admittedAtUs, NO_LEVELS, false);
    const held = this.#ids.get(reservation.id);
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
    const { plan, key } = this.#booksOf(principal);
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
    const known = this.#keys.size;
    for (const [name, key] of this.#keys) if (key.idle(nowUs)) this.#keys.delete(name);
    const forgotten = known - this.#keys.size + this.#budgets.forgetIdle(nowUs);
    if (forgotten > 0) this.#books = new WeakMap();
    return swept;
  }

  audit(): AuditReport {
    const live = new Map<AccountWindow, number>();
    for (const held of this.#ids.values()) {
      if (held === CLOSED) continue;
      const { windows, reservation } = held;
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
    return { windows, reservations: this.#leases.size, overdueUs: Math.max(0, overdueUs) };
  }

  close(): void {
    // Nothing outlives the process.
  }

  #known(request: AcquireRequest, { plan, key }: Books, nowUs: number): AcquireResult | undefined {
    const held = this.#ids.get(request.id);
    if (held === undefined) return undefined;
    if (held === CLOSED) return refusalOf(CLOSED, undefined, key.levels(plan, nowUs));
    this.renew(request.principal, [request.id]);
    return admission(held.reservation, held.reservation.admittedAtUs, key.levels(plan, nowUs), true);
  }

  // What waiting helps least is told first.
  #refusal(request: AcquireRequest, books: Books, nowUs: number): Refusal | undefined {
    const { plan, key } = books;
    const requestWait = key.requestWaitUs(plan, nowUs);
    const tokenWait = key.tokenWaitUs(plan, nowUs, request.tokens);
    const held = this.#heldRefusal(request, books, nowUs);
    if (held?.reason === 'budgetSpent' || (requestWait === 0 && tokenWait === 0)) return held;
    const reason = requestWait >= tokenWait ? 'requests' : 'tokens';
    return refusalOf(reason, Math.max(requestWait, tokenWait), key.levels(plan, nowUs));
  }

  #heldRefusal(request: AcquireRequest, { plan, key, accounts }: Books, nowUs: number): Refusal | undefined {
    const budget = this.#budgets.refusal(plan, accounts, nowUs, request.costNanoUsd);
    const full = plan.concurrency > 0 && key.concurrent(nowUs) >= plan.concurrency;
    if (budget !== undefined && (budget.reason === 'budgetSpent' || !full)) {
      return { ...refusalOf(budget.reason, undefined, key.levels(plan, nowUs)), budget: budget.level };
    }
    return full ? refusalOf('concurrency', CONCURRENCY_RETRY_US, key.levels(plan, nowUs)) : undefined;
  }

  #admit(request: AcquireRequest, atUs: number, books: Books, nowUs: number): Admission {
    const { plan, key, accounts } = books;
    const result = admission(request, atUs, key.levels(plan, nowUs), false);
    const leaseEndUs = nowUs + this.#leaseUs;
    const change = { spent: 0, reserved: request.costNanoUsd, unchecked: 0 };
    const held = new Held(result.reservation, books, this.#budgets.book(plan, accounts, atUs, change));
    this.#ids.set(request.id, held);
    this.#leases.hold(held.lease, leaseEndUs);
    if (plan.concurrency > 0) key.slots.hold(held.slot, leaseEndUs);
    return result;
  }

  /** Nothing is held for the id, nor may be until it is forgotten. */
  #close(id: string, recent: RecentIds): void {
    this.#ids.set(id, CLOSED);
    const forgotten = recent.add(id);
    if (forgotten !== undefined) this.#ids.delete(forgotten);
  }

  /** Takes a reservation out of the queues; its id remains. */
  #end(held: Held): void {
    this.#leases.remove(held.lease);
    held.books.key.slots.remove(held.slot);
  }

  /** Settles what this store does not hold: its lease has ended, or it never arrived. */
  #settleLate(
    { id, principal, admittedAtUs, tokens: reserved }: Reservation,
    cost: number,
    tokens: number,
  ): SettleStatus {
    const { plan, key, accounts } = this.#booksOf(principal);
    if (plan.unlimited) return 'settled';
    const known = admittedAtUs > 0;
    // A release closes an id that has not arrived yet, too: a late acquire of it is refused.
    if (known || cost + tokens === 0) this.#close(id, this.#closed);
    if (!known) return 'unknown';
    key.refund(plan, this.#time.nowUs(), reserved - tokens);
    this.#budgets.book(plan, accounts, admittedAtUs, { spent: cost, reserved: 0, unchecked: cost });
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
      const { id } = held.reservation;
      if (charged) this.#close(id, this.#charged);
      else this.#ids.delete(id);
    }
    if (swept > 0) reservationsExpired.publish({ count: swept });
    return swept;
  }

  #booksOf(principal: Principal): Books {
    let books = this.#books.get(principal);
    if (books === undefined) {
      const plan = planOf(principal);
      books = { plan, key: this.#key(plan), accounts: this.#budgets.accountsOf(plan) };
      this.#books.set(principal, books);
    }
    return books;
  }

  #key({ path }: QuotaPlan): KeyState {
    let key = this.#keys.get(path);
    if (key === undefined) {
      key = new KeyState();
      this.#keys.set(path, key);
    }
    return key;
  }
}
