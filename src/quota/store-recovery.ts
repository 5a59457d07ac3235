import { storeReplayed } from '../kernel/channels.js';
import { type Clock } from '../kernel/clock.js';
import { type Principal } from '../kernel/snapshot.js';
import { bounded } from './bounded.js';
import { type Reservation } from './quota-store.js';
import { type RecentOperations } from './recent-operations.js';
import { type RemoteQuotaStore } from './remote-quota-store.js';
import { type SettlementJournal } from './settlement-journal.js';

const HEARTBEAT_WITHIN_MS = 250;
const STEP_WITHIN_MS = 1000;
const AT_ONCE = 256;

/**
 * Brings a shared store up to date: what it lost is booked again, leases are moved before anybody sweeps them,
 * and the journal is settled in order. Every step may be repeated, for ids make it count once.
 */
export class StoreRecovery {
  #gateways = 1;
  #identity = '';
  #replays = 0;
  #replaying = false;
  #draining: Promise<void> | undefined;

  constructor(
    private readonly remote: RemoteQuotaStore,
    private readonly journal: SettlementJournal,
    private readonly recent: RecentOperations,
    private readonly clock: Clock,
  ) {}

  get gateways(): number {
    return this.#gateways;
  }

  get replays(): number {
    return this.#replays;
  }

  /**
   * One round of upkeep.
   * @param absent whether the store was out of reach, so that leases are old
   * @throws the store's error
   */
  async run(absent: boolean): Promise<void> {
    const heartbeat = await bounded(this.clock, this.remote.heartbeat(), HEARTBEAT_WITHIN_MS);
    this.#gateways = Math.max(1, heartbeat.gateways);
    const moved = this.#identity !== '' && heartbeat.identity !== this.#identity;
    // Remembered until done: a replay that fails half-way begins again.
    this.#replaying ||= moved || heartbeat.lostWrites;
    this.#identity = heartbeat.identity;
    if (this.#replaying) await this.#replay();
    else if (absent) await this.#renew();
    await this.drain();
  }

  /**
   * Settles what waits in the journal.
   * @throws the store's error; what was not settled stays
   */
  drain(): Promise<void> {
    this.#draining ??= this.#drain().finally(() => (this.#draining = undefined));
    return this.#draining;
  }

  // One at a time: two would each remove what the other settled.
  async #drain(): Promise<void> {
    while (this.journal.size > 0) {
      const batch = this.journal.peek(AT_ONCE);
      await this.#all(batch.map(async (settlement) => this.remote.settle(settlement)));
      this.journal.shift(batch.length);
    }
  }

  async #replay(): Promise<void> {
    const { live } = this.recent;
    for (let at = 0; at < live.length; at += AT_ONCE) {
      const batch = live.slice(at, at + AT_ONCE);
      await this.#all(batch.map(async (reservation) => this.remote.restore(reservation)));
    }
    const settlements = this.recent.settlements(this.clock.now());
    for (let at = 0; at < settlements.length; at += AT_ONCE) {
      const batch = settlements.slice(at, at + AT_ONCE);
      await this.#all(batch.map(async (settlement) => this.remote.settle(settlement)));
    }
    this.#replaying = false;
    this.#replays++;
    storeReplayed.publish({ reservations: live.length, settlements: settlements.length });
  }

  async #renew(): Promise<void> {
    const byPrincipal = new Map<Principal, Reservation[]>();
    for (const reservation of this.recent.live) {
      const group = byPrincipal.get(reservation.principal);
      if (group === undefined) byPrincipal.set(reservation.principal, [reservation]);
      else group.push(reservation);
    }
    for (const [principal, group] of byPrincipal) {
      const ids = group.map(({ id }) => id);
      await this.#all([Promise.resolve(this.remote.renew(principal, ids))]);
    }
  }

  #all(steps: readonly Promise<unknown>[]): Promise<unknown> {
    return bounded(this.clock, Promise.all(steps), STEP_WITHIN_MS);
  }
}
