import { reservationsExpired } from '../kernel/channels.js';
import { type Clock } from '../kernel/clock.js';
import { type Principal } from '../kernel/snapshot.js';
import { NO_LEVELS, refusalOf } from './acquire-results.js';
import { bounded } from './bounded.js';
import { type QuotaStoreOptions } from './memory-quota-store.js';
import { type QuotaCall, type QuotaMethod, type QuotaReply } from './quota-store-host.js';
import {
  type AcquireRequest,
  type AcquireResult,
  type AuditReport,
  type QuotaStore,
  type QuotaUsage,
  type Reservation,
  type Settlement,
  type SettleStatus,
} from './quota-store.js';
import { requireWhole } from './whole-amounts.js';

/** How messages reach the process that holds the store: in order, and copied. */
export interface QuotaWire {
  send(call: QuotaCall): void;
  onReply(listener: (reply: QuotaReply) => void): void;
}

/** Longest wait for an answer, ms. */
const WITHIN_MS = 2_000;
/** Calls that may wait for an answer at once. */
const MAX_WAITING = 10_000;

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The in-process store of another process: exact over all workers of a machine. What it holds for a worker that dies
 * ends with its lease. A call rejects with StoreTimeout when nobody answers in time; an acquire is refused instead, as
 * `unavailable`.
 */
export class IpcQuotaStore implements QuotaStore {
  readonly #waiting = new Map<number, Waiting>();
  #serial = 0;
  #leaseMs: number;

  private constructor(
    private readonly wire: QuotaWire,
    private readonly clock: Clock,
    { leaseMs }: QuotaStoreOptions,
  ) {
    this.#leaseMs = leaseMs;
    wire.onReply((reply) => this.#take(reply));
  }

  /** Opens the store with these options, unless another worker did before with others: then those hold. */
  static async open(wire: QuotaWire, clock: Clock, options: QuotaStoreOptions): Promise<IpcQuotaStore> {
    const store = new IpcQuotaStore(wire, clock, options);
    const { leaseMs, onLeaseExpiry } = options;
    // A primary that is silent is everybody's trouble, and told with the first acquire.
    store.#leaseMs = await store.#ask<number>('open', { leaseMs, onLeaseExpiry }).catch(() => leaseMs);
    return store;
  }

  get leaseMs(): number {
    return this.#leaseMs;
  }

  async acquire(request: AcquireRequest): Promise<AcquireResult> {
    requireWhole(request.tokens, request.costNanoUsd);
    try {
      return await this.#ask<AcquireResult>('acquire', request);
    } catch {
      // It may have been admitted: this closes the id, behind the acquire on the same wire.
      void this.release({ ...request, admittedAtUs: 0, heldBy: 'store' }).catch(() => undefined);
      return refusalOf('unavailable', undefined, NO_LEVELS);
    }
  }

  settle(settlement: Settlement): Promise<SettleStatus> {
    requireWhole(settlement.tokens, settlement.costNanoUsd);
    return this.#ask('settle', settlement);
  }

  release(reservation: Reservation): Promise<SettleStatus> {
    return this.#ask('release', reservation);
  }

  renew(principal: Principal, ids: readonly string[]): Promise<readonly string[]> {
    return this.#ask('renew', { principal, ids });
  }

  regain(reservation: Reservation): Promise<AcquireResult> {
    return this.#ask('regain', reservation);
  }

  extend(reservation: Reservation): Promise<AcquireResult> {
    requireWhole(reservation.tokens, reservation.costNanoUsd);
    return this.#ask('extend', reservation);
  }

  usage(principal: Principal): Promise<QuotaUsage> {
    return this.#ask('usage', principal);
  }

  sweep(): Promise<number> {
    return this.#ask('sweep', undefined);
  }

  audit(): Promise<AuditReport> {
    return this.#ask('audit', undefined);
  }

  close(): void {
    // The store belongs to the other process.
  }

  #ask<T>(method: QuotaMethod, argument: unknown): Promise<T> {
    if (this.#waiting.size >= MAX_WAITING) return Promise.reject(new Error('too many calls wait for the quota store'));
    const id = ++this.#serial;
    const answer = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.wire.send({ quotaCall: id, method, argument });
    return bounded(this.clock, answer as Promise<T>, WITHIN_MS).finally(() => this.#waiting.delete(id));
  }

  #take({ quotaReply, value, error, expired }: QuotaReply): void {
    // Counted by the worker whose call found them.
    if (expired > 0) reservationsExpired.publish({ count: expired });
    const waiting = this.#waiting.get(quotaReply);
    if (error === undefined) waiting?.resolve(value);
    else waiting?.reject(new Error(error));
  }
}
