import { reservationsExpired } from '../kernel/channels.js';
import { type Clock } from '../kernel/clock.js';
import { type Principal } from '../kernel/snapshot.js';
import { MemoryQuotaStore, type QuotaStoreOptions } from './memory-quota-store.js';
import { type AcquireRequest, type Reservation, type Settlement } from './quota-store.js';

const METHODS = {
  acquire: (store: MemoryQuotaStore, request: unknown) => store.acquire(request as AcquireRequest),
  settle: (store: MemoryQuotaStore, settlement: unknown) => store.settle(settlement as Settlement),
  release: (store: MemoryQuotaStore, reservation: unknown) => store.release(reservation as Reservation),
  renew: (store: MemoryQuotaStore, argument: unknown) => {
    const { principal, ids } = argument as { principal: Principal; ids: readonly string[] };
    return store.renew(principal, ids);
  },
  regain: (store: MemoryQuotaStore, reservation: unknown) => store.regain(reservation as Reservation),
  extend: (store: MemoryQuotaStore, reservation: unknown) => store.extend(reservation as Reservation),
  usage: (store: MemoryQuotaStore, principal: unknown) => store.usage(principal as Principal),
  sweep: (store: MemoryQuotaStore) => store.sweep(),
  audit: (store: MemoryQuotaStore) => store.audit(),
} as const;

export type QuotaMethod = keyof typeof METHODS | 'open';

/** A call of a worker; `open` comes first, and is answered with the length of leases, ms. */
export interface QuotaCall {
  readonly quotaCall: number;
  readonly method: QuotaMethod;
  readonly argument: unknown;
}

export interface QuotaReply {
  readonly quotaReply: number;
  readonly value: unknown;
  readonly error: string | undefined;
  /** Reservations whose lease the call found over. */
  readonly expired: number;
}

/** What a worker sends: calls in their order. */
export interface QuotaCalls {
  readonly quotaCalls: readonly QuotaCall[];
}

/** The answers to {@link QuotaCalls}. */
export interface QuotaReplies {
  readonly quotaReplies: readonly QuotaReply[];
}

/** Holds the quota store of all workers, and answers their calls one after the other. */
export class QuotaStoreHost {
  #store: MemoryQuotaStore | undefined;
  #expired = 0;

  constructor(private readonly clock: Clock) {
    reservationsExpired.subscribe(({ count }) => (this.#expired += count));
  }

  answer({ quotaCall, method, argument }: QuotaCall): QuotaReply {
    this.#expired = 0;
    try {
      const value = method === 'open' ? this.#open(argument as QuotaStoreOptions) : this.#call(method, argument);
      return { quotaReply: quotaCall, value, error: undefined, expired: this.#expired };
    } catch (error) {
      return { quotaReply: quotaCall, value: undefined, error: String(error), expired: this.#expired };
    }
  }

  /** As in a single process, the settings at the start are those that hold. */
  #open(options: QuotaStoreOptions): number {
    this.#store ??= new MemoryQuotaStore(this.clock, options);
    return this.#store.leaseMs;
  }

  #call(method: keyof typeof METHODS, argument: unknown): unknown {
    if (this.#store === undefined) throw new Error('the quota store is not open');
    return METHODS[method](this.#store, argument);
  }
}
