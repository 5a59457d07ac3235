import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { ConfigStore } from '../config/config-store.js';
import { InFlightRequests } from '../http/in-flight-requests.js';
import { type Clock, type Timer } from '../kernel/clock.js';
import { type RequestContext } from '../kernel/request-context.js';
import { type Principal } from '../kernel/snapshot.js';
import { CLOCK } from '../kernel/tokens.js';
import { UpstreamFailure } from '../kernel/upstream.js';
import { QUOTA_STORE } from './quota.tokens.js';
import { type QuotaStore, type Reservation } from './quota-store.js';

interface Held {
  readonly ctx: RequestContext;
  readonly reservation: Reservation;
}

/** Reservations of gateways that died are swept this often, ms. */
const SWEEP_MS = 5_000;
/** Renewals per lease: two may fail before it is lost. */
const RENEWALS_PER_LEASE = 3;

/** Keeps the reservations of running requests alive, and ends those whose gateway is gone. */
@Injectable()
export class LeaseKeeper implements OnApplicationShutdown {
  readonly #logger = new Logger('LeaseKeeper');
  readonly #orgs = new Set<string>();
  readonly #timers: { renew: Timer; sweep: Timer };
  readonly #renewMs: number;

  constructor(
    @Inject(QUOTA_STORE) private readonly store: QuotaStore,
    private readonly inFlight: InFlightRequests,
    private readonly config: ConfigStore,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    // The store's, which a reload does not change.
    this.#renewMs = store.leaseMs / RENEWALS_PER_LEASE;
    this.#timers = { renew: this.#later(this.#renewMs, 'renew'), sweep: this.#later(SWEEP_MS, 'sweep') };
  }

  /** Worst case of all requests in flight, nano-USD. */
  get reservedNanoUsd(): number {
    return this.#held().reduce((sum, { reservation }) => sum + reservation.costNanoUsd, 0);
  }

  onApplicationShutdown(): void {
    this.#timers.renew.cancel();
    this.#timers.sweep.cancel();
  }

  /** Renews every lease once: one call per key, none of which stops the others. */
  async renewAll(): Promise<void> {
    const byKey = new Map<Principal, Held[]>();
    for (const one of this.#held()) {
      // Not the reservation's: a store of another process hands a copy out with each.
      const { principal } = one.ctx;
      const others = byKey.get(principal);
      if (others) others.push(one);
      else byKey.set(principal, [one]);
    }
    const renewed = [...byKey].map(([principal, held]) => this.#renew(principal, held).catch(this.#failed));
    await Promise.all(renewed);
  }

  async #renew(principal: Principal, held: readonly Held[]): Promise<void> {
    this.#orgs.add(principal.org);
    const ids = held.map(({ reservation }) => reservation.id);
    const lost = await this.store.renew(principal, ids);
    for (const id of lost) await this.#regain(held[ids.indexOf(id)]);
  }

  // The store tells of its own trouble once per transition: here it is only worth a trace.
  readonly #failed = (error: unknown): void => {
    this.#logger.debug(error);
  };

  /** What runs now and holds something. */
  #held(): Held[] {
    return this.inFlight.items().flatMap((ctx) => (ctx.reservation ? [{ ctx, reservation: ctx.reservation }] : []));
  }

  /** A lease that was lost is taken up again if there is still room, else the request ends. */
  async #regain(held: Held | undefined): Promise<void> {
    if (!held || held.ctx.released) return;
    const result = await this.store.regain(held.reservation);
    if (!result.admitted) held.ctx.abort(new UpstreamFailure('ignored', 'lease_lost', 'never'));
  }

  async #sweep(): Promise<void> {
    const { anonymous, keys } = this.config.current;
    if (anonymous) this.#orgs.add(anonymous.org);
    for (const { principal } of keys) this.#orgs.add(principal.org);
    await this.store.sweep([...this.#orgs]);
  }

  #later(ms: number, job: 'renew' | 'sweep'): Timer {
    return this.clock.after(ms, () => {
      const done = job === 'renew' ? this.renewAll() : this.#sweep();
      void done.catch(this.#failed).finally(() => {
        this.#timers[job] = this.#later(ms, job);
      });
    });
  }
}
