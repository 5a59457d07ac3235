import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { ConfigStore } from '../config/config-store.js';
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
  readonly #held = new Map<Principal, Map<string, Held>>();
  readonly #orgs = new Set<string>();
  readonly #timers: { renew: Timer; sweep: Timer };

  constructor(
    @Inject(QUOTA_STORE) private readonly store: QuotaStore,
    private readonly config: ConfigStore,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.#timers = { renew: this.#later(() => this.#renewMs, 'renew'), sweep: this.#later(() => SWEEP_MS, 'sweep') };
  }

  hold(ctx: RequestContext, reservation: Reservation): void {
    const { principal, id } = reservation;
    let held = this.#held.get(principal);
    if (!held) this.#held.set(principal, (held = new Map<string, Held>()));
    held.set(id, { ctx, reservation });
    this.#orgs.add(principal.org);
    ctx.onClose(() => {
      held.delete(id);
      if (held.size === 0 && this.#held.get(principal) === held) this.#held.delete(principal);
    });
  }

  /** Worst case of all that is held, nano-USD. */
  get reservedNanoUsd(): number {
    let sum = 0;
    for (const held of this.#held.values()) for (const { reservation } of held.values()) sum += reservation.costNanoUsd;
    return sum;
  }

  onApplicationShutdown(): void {
    this.#timers.renew.cancel();
    this.#timers.sweep.cancel();
  }

  /** Renews every lease once: one call per key. */
  async renewAll(): Promise<void> {
    for (const [principal, held] of [...this.#held]) {
      const lost = await this.store.renew(principal, [...held.keys()]);
      for (const id of lost) await this.#regain(held.get(id));
    }
  }

  /** A lease that was lost is taken up again if there is still room, else the request ends. */
  async #regain(held: Held | undefined): Promise<void> {
    if (!held || held.ctx.closed) return;
    const result = await this.store.regain(held.reservation);
    if (!result.admitted) held.ctx.abort(new UpstreamFailure('ignored', 'lease_lost', 'never'));
  }

  async #sweep(): Promise<void> {
    for (const { principal } of this.config.current.keys) this.#orgs.add(principal.org);
    await this.store.sweep([...this.#orgs]);
  }

  get #renewMs(): number {
    return this.config.current.quota.leaseMs / RENEWALS_PER_LEASE;
  }

  #later(ms: () => number, job: 'renew' | 'sweep'): Timer {
    return this.clock.after(ms(), () => {
      const done = job === 'renew' ? this.renewAll() : this.#sweep();
      void done
        .catch((error: unknown) => {
          // The store tells of its own trouble once per transition: here it is only worth a trace.
          this.#logger.debug(error);
        })
        .finally(() => {
          this.#timers[job] = this.#later(ms, job);
        });
    });
  }
}
