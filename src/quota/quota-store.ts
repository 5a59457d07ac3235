import { type AcquireRequest, type Reservation } from '../kernel/reservation.js';
import { type BudgetScope, type BudgetWindow, type Principal } from '../kernel/snapshot.js';

export type { AcquireRequest, Reservation };

/** One rate limit as the caller sees it. */
export interface RateLevel {
  readonly limit: number;
  /** What would be admitted at once. */
  readonly remaining: number;
  /** Until it is full again, µs. */
  readonly resetUs: number;
}

export interface RateLevels {
  readonly requests: RateLevel | undefined;
  readonly tokens: RateLevel | undefined;
}

export interface BudgetLevel {
  readonly scope: BudgetScope;
  readonly window: BudgetWindow;
  readonly limitNanoUsd: number;
  readonly spentNanoUsd: number;
  readonly reservedNanoUsd: number;
  /** End of the window, µs since the epoch. */
  readonly resetsAtUs: number;
}

/** `tooManyTokens`: can never pass. `closed`: the id was settled before. `unavailable`: nobody can tell. */
export type RefusalReason =
  'requests' | 'tokens' | 'tooManyTokens' | 'concurrency' | 'budgetSpent' | 'budgetReserved' | 'closed' | 'unavailable';

export interface Admission {
  readonly admitted: true;
  readonly reservation: Reservation;
  /** The id had been admitted before; nothing was taken again. */
  readonly repeated: boolean;
  readonly levels: RateLevels;
}

export interface Refusal {
  readonly admitted: false;
  readonly reason: RefusalReason;
  /** Until the same request would pass, µs; undefined where waiting does not help or nobody can tell. */
  readonly retryAfterUs: number | undefined;
  /** The budget that refused. */
  readonly budget: BudgetLevel | undefined;
  readonly levels: RateLevels;
}

export type AcquireResult = Admission | Refusal;

export interface Settlement {
  readonly reservation: Reservation;
  readonly costNanoUsd: number;
  /** Tokens used, prompt and output together; the rest goes back to the token bucket. */
  readonly tokens: number;
}

/**
 * `overrun`: charged more than was reserved. `late`: charged after the lease had ended.
 * `already`: settled before, nothing changed. `unknown`: never admitted, nothing charged.
 */
export type SettleStatus = 'settled' | 'overrun' | 'late' | 'already' | 'unknown';

export interface QuotaUsage {
  readonly levels: RateLevels;
  /** Requests in flight that count against the concurrency limit. */
  readonly concurrent: number;
  readonly budgets: readonly BudgetLevel[];
}

/** One budget window, and what it must be by sums that are kept apart from it. */
export interface AuditedWindow {
  readonly org: string;
  /** `scope.name:window`. */
  readonly account: string;
  /** Serial number of the window. */
  readonly index: number;
  readonly spentNanoUsd: number;
  readonly reservedNanoUsd: number;
  /** Sum of the live reservations; differs from `reservedNanoUsd` only if the store is wrong. */
  readonly recomputedNanoUsd: number;
  /** Sum of the charges settled in it; differs from `spentNanoUsd` only if the store is wrong. */
  readonly chargedNanoUsd: number;
  /** Overruns, late charges and reservations booked again: the only way over the limit. */
  readonly uncheckedNanoUsd: number;
}

export interface AuditReport {
  readonly windows: readonly AuditedWindow[];
  readonly reservations: number;
  /** How long the oldest unswept reservation has outlived its lease, µs: invariant I4. */
  readonly overdueUs: number;
}

/** What is kept at hand or fetched: the in-process store answers at once, a remote one by promise. */
export type Answer<T> = T | Promise<T>;

/**
 * Holds every limit that requests share. Each call is atomic, and a refusal changes no counter.
 * A remote store's promises reject when it is out of reach; the in-process store never fails.
 */
export interface QuotaStore {
  /** How long a reservation outlives its last renewal, ms. */
  readonly leaseMs: number;
  /** Checks request rate, tokens, concurrency and budgets together, and takes all or nothing. */
  acquire(request: AcquireRequest): Answer<AcquireResult>;
  /** Replaces the reservation by what was used; exactly once by id. */
  settle(settlement: Settlement): Answer<SettleStatus>;
  /**
   * Gives tokens, money and concurrency back; the request stays counted. An id that has not arrived is closed:
   * an acquire of it that comes late is refused.
   */
  release(reservation: Reservation): Answer<SettleStatus>;
  /** Moves the leases of one key's reservations; returns the ids that were lost. */
  renew(principal: Principal, ids: readonly string[]): Answer<readonly string[]>;
  /** Takes up again what a lost lease gave away: budgets and concurrency are checked, rates are not. */
  regain(reservation: Reservation): Answer<AcquireResult>;
  /**
   * Raises a live reservation to the given totals, in the windows that it is booked in. Budgets are checked; tokens are
   * taken as a debt where the bucket has none. Nothing is ever lowered, so the same call counts once.
   * A reservation that is not held any more is refused as `closed`.
   */
  extend(reservation: Reservation): Answer<AcquireResult>;
  usage(principal: Principal): Answer<QuotaUsage>;
  /** Ends reservations whose lease is over; returns how many. */
  sweep(orgs: readonly string[]): Answer<number>;
  audit(orgs: readonly string[]): Answer<AuditReport>;
  close(): Answer<void>;
}
