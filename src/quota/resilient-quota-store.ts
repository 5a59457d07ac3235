import { type Clock, type Timer } from '../kernel/clock.js';
import { GatewayError } from '../kernel/gateway-error.js';
import { type Principal } from '../kernel/snapshot.js';
import { bounded } from './bounded.js';
import { Deadlines } from './deadlines.js';
import { extendWithout, goOn, LocalQuota } from './local-quota.js';
import { type MemoryQuotaStore } from './memory-quota-store.js';
import {
  type AcquireRequest,
  type AcquireResult,
  type Answer,
  type AuditReport,
  type QuotaStore,
  type QuotaUsage,
  type Reservation,
  type Settlement,
  type SettleStatus,
} from './quota-store.js';
import { RecentOperations } from './recent-operations.js';
import { type RemoteQuotaStore } from './remote-quota-store.js';
import { SettlementJournal } from './settlement-journal.js';
import { StoreBreaker } from './store-breaker.js';
import { StoreRecovery } from './store-recovery.js';

/** `shared`: every decision is the store's. `local`: rates by this gateway's share, budgets by their owner's policy. */
export type QuotaMode = 'shared' | 'local';

export interface ModeChange {
  readonly mode: QuotaMode;
  readonly reason: string;
}

export interface JournalLevel {
  readonly size: number;
  /** Of the fuller of its two bounds, 0 to 1. */
  readonly fillRatio: number;
  readonly dropped: number;
  readonly droppedNanoUsd: number;
}

const ANSWER_WITHIN_MS = 50;
const UPKEEP_WITHIN_MS = 1000;
const TICK_MS = 1000;
const TICKS_PER_HEARTBEAT = 5;

/**
 * Keeps requests going when the shared store does not answer, and the accounts right once it does.
 * No call waits longer than 50 ms. Rates fail open to this gateway's share of the limit, budgets fail closed unless
 * the key says otherwise; settlements wait in a journal; what the store lost is booked again under the same ids.
 * Only heartbeats try a store that failed: no request is spent on it.
 */
export class ResilientQuotaStore implements QuotaStore {
  readonly #breaker = new StoreBreaker();
  readonly #journal = new SettlementJournal();
  readonly #recent = new RecentOperations();
  readonly #recovery: StoreRecovery;
  readonly #local: LocalQuota;
  readonly #acquires: Deadlines;
  readonly #settlements: Deadlines;
  #mode: QuotaMode = 'shared';
  #timer: Timer | undefined;
  #ticks = 0;
  #closed = false;

  constructor(
    private readonly remote: RemoteQuotaStore,
    local: MemoryQuotaStore,
    private readonly clock: Clock,
    private readonly onModeChange: (change: ModeChange) => void,
  ) {
    this.#recovery = new StoreRecovery(remote, this.#journal, this.#recent, clock);
    this.#local = new LocalQuota(local, () => this.gateways);
    this.#acquires = new Deadlines(clock, ANSWER_WITHIN_MS);
    this.#settlements = new Deadlines(clock, UPKEEP_WITHIN_MS);
  }

  /** Makes the first contact and begins the upkeep; never fails. */
  async start(): Promise<void> {
    await this.#heartbeat();
    this.#schedule();
  }

  get leaseMs(): number {
    return this.remote.leaseMs;
  }

  get mode(): QuotaMode {
    return this.#mode;
  }

  /** Gateways that shared the store when it was last heard of. */
  get gateways(): number {
    return this.#recovery.gateways;
  }

  /** Settlements that wait for the store, and what found no room: for gauges and alerts. */
  get journal(): JournalLevel {
    const { size, fillRatio, dropped, droppedNanoUsd } = this.#journal;
    return { size, fillRatio, dropped, droppedNanoUsd };
  }

  /** Times that the store had lost data and was told again. */
  get replays(): number {
    return this.#recovery.replays;
  }

  acquire(request: AcquireRequest): Answer<AcquireResult> {
    if (this.#mode === 'local') return this.#local.acquire(request);
    const answer = this.remote.acquire(request);
    return answer instanceof Promise ? this.#awaitAcquire(request, answer) : answer;
  }

  settle(settlement: Settlement): Answer<SettleStatus> {
    const { reservation } = settlement;
    if (reservation.heldBy === 'local') return this.#settleLocal(settlement);
    this.#recent.settled(settlement, this.clock.now());
    return this.#send(settlement);
  }

  release(reservation: Reservation): Answer<SettleStatus> {
    return this.settle({ reservation, costNanoUsd: 0, tokens: 0 });
  }

  /** While the store is out of reach nothing counts as lost: streams go on. */
  async renew(principal: Principal, ids: readonly string[]): Promise<readonly string[]> {
    const there = this.#local.renew(principal, ids);
    if (this.#mode === 'local' || there.length === 0) return [];
    return this.#try(this.remote.renew(principal, there), UPKEEP_WITHIN_MS).catch(() => []);
  }

  regain(reservation: Reservation): Answer<AcquireResult> {
    if (this.#mode === 'local' || reservation.heldBy === 'local') return goOn(reservation);
    const answer = this.remote.regain(reservation);
    if (!(answer instanceof Promise)) return answer;
    return this.#try(answer, ANSWER_WITHIN_MS).then(
      (result) => this.#remember(result),
      () => goOn(reservation),
    );
  }

  extend(reservation: Reservation): Answer<AcquireResult> {
    if (this.#mode === 'local' || reservation.heldBy === 'local') return extendWithout(reservation);
    const answer = this.remote.extend(reservation);
    if (!(answer instanceof Promise)) return answer;
    return this.#try(answer, ANSWER_WITHIN_MS).then(
      (result) => {
        if (result.admitted) this.#recent.raised(result.reservation);
        return result;
      },
      () => extendWithout(reservation),
    );
  }

  /** @throws GatewayError quota_backend_unavailable */
  async usage(principal: Principal): Promise<QuotaUsage> {
    return this.#require(() => this.remote.usage(principal));
  }

  async sweep(orgs: readonly string[]): Promise<number> {
    const here = this.#local.sweep();
    if (this.#mode === 'local') return here;
    return this.#try(this.remote.sweep(orgs), UPKEEP_WITHIN_MS).then(
      (there) => here + there,
      () => here,
    );
  }

  /** @throws GatewayError quota_backend_unavailable */
  async audit(orgs: readonly string[]): Promise<AuditReport> {
    return this.#require(() => this.remote.audit(orgs));
  }

  /** Tells the store what still waits, if it listens. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    if (this.#mode === 'shared') await this.#recovery.drain().catch(() => undefined);
    await this.remote.close();
    this.#acquires.close();
    this.#settlements.close();
  }

  #awaitAcquire(request: AcquireRequest, answer: Promise<AcquireResult>): Promise<AcquireResult> {
    return this.#acquires.within(
      answer,
      (result) => {
        this.#breaker.succeeded();
        return this.#remember(result);
      },
      (error) => {
        this.#failed(error);
        // It may have been executed, with only the answer lost: its id is closed, now or when the store is back.
        this.#close({ ...request, admittedAtUs: 0, heldBy: 'store' });
        return this.#local.acquire(request);
      },
    );
  }

  #remember(result: AcquireResult): AcquireResult {
    if (result.admitted) this.#recent.admitted(result.reservation);
    return result;
  }

  #settleLocal(settlement: Settlement): Answer<SettleStatus> {
    const { reservation } = settlement;
    const status = this.#local.settle(settlement);
    if (reservation.principal.budgets.length === 0 || status === 'already') return status;
    // The store learns of the money alone: no token was taken from it.
    const charge: Settlement = { ...settlement, tokens: reservation.tokens };
    this.#recent.settled(charge, this.clock.now());
    return this.#send(charge);
  }

  /** Settles now or, where that fails, later: a settlement is never the caller's trouble. */
  #send(settlement: Settlement): Answer<SettleStatus> {
    if (this.#mode === 'local' || this.#journal.size > 0) return this.#later(settlement);
    const answer = this.remote.settle(settlement);
    if (!(answer instanceof Promise)) return answer;
    return this.#settlements.within(
      answer,
      (status) => {
        this.#breaker.succeeded();
        return status;
      },
      (error) => {
        this.#failed(error);
        return this.#later(settlement);
      },
    );
  }

  // Not counted against the store: the failed acquire was.
  #close(reservation: Reservation): void {
    const settlement = { reservation, costNanoUsd: 0, tokens: 0 };
    if (this.#mode === 'local' || this.#journal.size > 0) this.#later(settlement);
    else bounded(this.clock, this.remote.settle(settlement), UPKEEP_WITHIN_MS).catch(() => this.#later(settlement));
  }

  #later(settlement: Settlement): SettleStatus {
    this.#journal.add(settlement);
    return 'late';
  }

  async #require<T>(ask: () => Answer<T>): Promise<T> {
    if (this.#mode === 'shared') {
      try {
        return await this.#try(ask(), UPKEEP_WITHIN_MS);
      } catch (cause) {
        throw new GatewayError('quota_backend_unavailable', { cause });
      }
    }
    throw new GatewayError('quota_backend_unavailable');
  }

  async #try<T>(answer: Answer<T>, ms: number): Promise<T> {
    try {
      const value = await bounded(this.clock, answer, ms);
      this.#breaker.succeeded();
      return value;
    } catch (error) {
      this.#failed(error);
      throw error;
    }
  }

  #failed(error: unknown): void {
    if (this.#breaker.failed()) this.#enter('local', error instanceof Error ? error.message : String(error));
  }

  #enter(mode: QuotaMode, reason: string): void {
    if (mode === this.#mode) return;
    this.#mode = mode;
    this.#breaker.reset();
    this.onModeChange({ mode, reason });
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#timer = this.clock.after(TICK_MS, () => {
      void this.#tick().finally(() => this.#schedule());
    });
  }

  async #tick(): Promise<void> {
    const due = ++this.#ticks % TICKS_PER_HEARTBEAT === 0;
    if (due || this.#mode === 'local' || this.#journal.size > 0) await this.#heartbeat();
  }

  async #heartbeat(): Promise<void> {
    try {
      await this.#recovery.run(this.#mode === 'local');
      this.#enter('shared', 'the store answers');
    } catch (error) {
      this.#enter('local', error instanceof Error ? error.message : String(error));
    }
  }
}
