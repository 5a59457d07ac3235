import { type Clock } from '../kernel/clock.js';
import { type Principal } from '../kernel/snapshot.js';
import { type StoreFault, type StoreFaults } from '../kernel/store-faults.js';
import {
  type AcquireRequest,
  type AcquireResult,
  type Answer,
  type AuditReport,
  type QuotaUsage,
  type Reservation,
  type Settlement,
  type SettleStatus,
} from './quota-store.js';
import { type Heartbeat, type RemoteQuotaStore } from './remote-quota-store.js';

/** Beyond the patience of everybody who waits for the store, ms. */
const NEVER_ANSWERED_MS = 10_000;

/** A shared store under chaos: commands are late, fail or are never answered, while an experiment says so. */
export class FaultyQuotaStore implements RemoteQuotaStore {
  constructor(
    private readonly store: RemoteQuotaStore,
    private readonly faults: StoreFaults,
    private readonly clock: Clock,
  ) {}

  get leaseMs(): number {
    return this.store.leaseMs;
  }

  acquire(request: AcquireRequest): Answer<AcquireResult> {
    return this.#send(() => this.store.acquire(request));
  }

  extend(reservation: Reservation): Answer<AcquireResult> {
    return this.#send(() => this.store.extend(reservation));
  }

  settle(settlement: Settlement): Answer<SettleStatus> {
    return this.#send(() => this.store.settle(settlement));
  }

  release(reservation: Reservation): Answer<SettleStatus> {
    return this.#send(() => this.store.release(reservation));
  }

  renew(principal: Principal, ids: readonly string[]): Answer<readonly string[]> {
    return this.#send(() => this.store.renew(principal, ids));
  }

  regain(reservation: Reservation): Answer<AcquireResult> {
    return this.#send(() => this.store.regain(reservation));
  }

  restore(reservation: Reservation): Answer<AcquireResult> {
    return this.#send(() => this.store.restore(reservation));
  }

  usage(principal: Principal): Answer<QuotaUsage> {
    return this.#send(() => this.store.usage(principal));
  }

  sweep(orgs: readonly string[]): Answer<number> {
    return this.#send(() => this.store.sweep(orgs));
  }

  audit(orgs: readonly string[]): Answer<AuditReport> {
    return this.#send(() => this.store.audit(orgs));
  }

  async heartbeat(): Promise<Heartbeat> {
    return this.#send(() => this.store.heartbeat());
  }

  close(): Answer<void> {
    return this.store.close();
  }

  #send<T>(command: () => Answer<T>): Answer<T> {
    const fault = this.faults.draw?.();
    return fault === undefined ? command() : this.#spoil(fault, command);
  }

  async #spoil<T>(fault: StoreFault, command: () => Answer<T>): Promise<T> {
    if (fault.type === 'redis_error') throw new Error('injected: the quota store refused the command');
    await this.#passed(fault.type === 'redis_latency' ? fault.ms : NEVER_ANSWERED_MS);
    if (fault.type === 'redis_timeout') throw new Error('injected: the quota store did not answer');
    return command();
  }

  #passed(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.clock.after(ms, resolve);
    });
  }
}
