import { type Clock } from '../../src/kernel/clock.js';
import { MemoryQuotaStore, type QuotaStoreOptions } from '../../src/quota/memory-quota-store.js';
import { type Answer } from '../../src/quota/quota-store.js';
import { type Heartbeat, type RemoteQuotaStore } from '../../src/quota/remote-quota-store.js';

/** `deaf`: executes, but the answer never comes. */
export type Trouble = 'none' | 'refusing' | 'deaf' | 'hanging';

/** A shared store whose trouble the test chooses; behind it stands an exact one. */
export class FlakyQuotaStore implements RemoteQuotaStore {
  trouble: Trouble = 'none';
  gateways = 1;
  identity = 'server-1';
  readonly calls: string[] = [];
  #inner: MemoryQuotaStore;

  constructor(
    private readonly clock: Clock,
    private readonly options: QuotaStoreOptions,
  ) {
    this.#inner = new MemoryQuotaStore(clock, options);
  }

  get leaseMs(): number {
    return this.options.leaseMs;
  }

  /** What the store really holds. */
  get truth(): MemoryQuotaStore {
    return this.#inner;
  }

  /** The server restarts with nothing. */
  loseAll(): void {
    this.#inner = new MemoryQuotaStore(this.clock, this.options);
    this.identity += '+';
  }

  acquire: RemoteQuotaStore['acquire'] = (request) => this.#do('acquire', () => this.#inner.acquire(request));
  settle: RemoteQuotaStore['settle'] = (settlement) => this.#do('settle', () => this.#inner.settle(settlement));
  release: RemoteQuotaStore['release'] = (reservation) => this.#do('release', () => this.#inner.release(reservation));
  renew: RemoteQuotaStore['renew'] = (principal, ids) => this.#do('renew', () => this.#inner.renew(principal, ids));
  regain: RemoteQuotaStore['regain'] = (reservation) => this.#do('regain', () => this.#inner.regain(reservation));
  extend: RemoteQuotaStore['extend'] = (reservation) => this.#do('extend', () => this.#inner.extend(reservation));
  restore: RemoteQuotaStore['restore'] = (reservation) => this.#do('restore', () => this.#inner.regain(reservation));
  usage: RemoteQuotaStore['usage'] = (principal) => this.#do('usage', () => this.#inner.usage(principal));
  sweep: RemoteQuotaStore['sweep'] = () => this.#do('sweep', () => this.#inner.sweep());
  audit: RemoteQuotaStore['audit'] = () => this.#do('audit', () => this.#inner.audit());

  heartbeat(): Promise<Heartbeat> {
    const { gateways, identity } = this;
    return Promise.resolve(this.#do('heartbeat', () => ({ gateways, identity, lostWrites: false })));
  }

  close(): void {
    // Nothing is open.
  }

  #do<T>(name: string, act: () => T): Answer<T> {
    this.calls.push(name);
    if (this.trouble === 'refusing') return Promise.reject(new Error('CLUSTERDOWN'));
    if (this.trouble === 'hanging') return new Promise<T>(() => undefined);
    const value = act();
    return this.trouble === 'deaf' ? new Promise<T>(() => undefined) : Promise.resolve(value);
  }
}
