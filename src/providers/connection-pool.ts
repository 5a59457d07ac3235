import { type Clock, type Timer } from '../kernel/clock.js';
import { type TurnBatch } from '../kernel/turn-batch.js';
import { type ConnectionOwner, UpstreamConnection, type WireRequest } from './upstream-connection.js';
import { type DialRules, type Origin, UpstreamConnector } from './upstream-connector.js';
import { type UpstreamExchange } from './upstream-exchange.js';

/** How often idle connections are looked through, ms. */
const SWEEP_MS = 1_000;
/**
 * A server that had given a connection up says so within a round trip of the next request. Later than this, ms, it may have
 * been at work on it: whether it is asked again is for the retry policy to say.
 */
const STALE_WITHIN_MS = 250;

/**
 * The connections to one upstream. A request takes the one that was used last, or a new one: how many there are at once is
 * for the limiters to say, which refuse aloud.
 */
export class ConnectionPool implements ConnectionOwner {
  readonly #connector: UpstreamConnector;
  readonly #all = new Set<UpstreamConnection>();
  /** Those that carry nothing, the one that was used last at the end. */
  readonly #idle: UpstreamConnection[] = [];
  #sweeping: Timer | undefined;
  #closed = false;

  constructor(
    origin: Origin,
    rules: DialRules,
    private readonly clock: Clock,
    private readonly writes: TurnBatch,
  ) {
    this.#connector = new UpstreamConnector(origin, rules, clock);
  }

  /** It takes no more requests. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Connections that are open or being opened. */
  get size(): number {
    return this.#all.size;
  }

  send(request: WireRequest, exchange: UpstreamExchange): void {
    (this.#takeIdle() ?? this.#open()).carry(request, exchange);
  }

  idle(connection: UpstreamConnection, keepAliveMs: number): void {
    if (this.#closed) {
      connection.abort();
      return;
    }
    connection.usableUntil = this.clock.now() + keepAliveMs;
    this.#idle.push(connection);
    this.#sweeping ??= this.clock.after(SWEEP_MS, () => this.#sweep());
  }

  gone(connection: UpstreamConnection): void {
    this.#all.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  replace({ takenAt }: UpstreamConnection, request: WireRequest, exchange: UpstreamExchange): boolean {
    if (this.clock.now() - takenAt > STALE_WITHIN_MS) return false;
    // When an upstream gives one idle connection up, the others in the pool are as stale: only a new one will do.
    this.#open().carry(request, exchange);
    return true;
  }

  /** Lets idle connections go, and each other one when its request is done. */
  close(): void {
    this.#closed = true;
    this.#sweeping?.cancel();
    for (const connection of this.#idle.splice(0)) connection.abort();
  }

  /** Lets go of every connection: what they carry fails. */
  destroy(): void {
    this.close();
    for (const connection of this.#all) connection.destroy();
  }

  #open(): UpstreamConnection {
    const connection = new UpstreamConnection(this.#connector, this, this.writes);
    this.#all.add(connection);
    return connection;
  }

  #takeIdle(): UpstreamConnection | undefined {
    const now = this.clock.now();
    for (let last = this.#idle.pop(); last; last = this.#idle.pop()) {
      if (!last.destroyed && now < last.usableUntil) {
        last.takenAt = now;
        return last;
      }
      last.abort();
    }
    return undefined;
  }

  #sweep(): void {
    const now = this.clock.now();
    for (const connection of this.#idle.filter(({ usableUntil }) => usableUntil <= now)) connection.abort();
    const left = this.#idle.filter(({ destroyed }) => !destroyed);
    this.#idle.splice(0, this.#idle.length, ...left);
    this.#sweeping = left.length === 0 ? undefined : this.clock.after(SWEEP_MS, () => this.#sweep());
  }
}
