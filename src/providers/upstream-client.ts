import { type Clock } from '../kernel/clock.js';
import { type Provider } from '../kernel/snapshot.js';
import { TurnBatch } from '../kernel/turn-batch.js';
import { UpstreamFailure } from '../kernel/upstream.js';
import { ConnectionPool } from './connection-pool.js';
import { type Origin } from './upstream-connector.js';
import { UpstreamExchange } from './upstream-exchange.js';

/** What goes over the wire. */
export interface UpstreamCall {
  readonly method: 'POST' | 'GET';
  /** Below the provider's base URL, or below its origin where it begins with `//`. */
  readonly path: string;
  /** `name: value\r\n`, line by line. */
  readonly headers: string;
  readonly body: readonly Buffer[] | null;
}

/** Whoever can carry a call to a provider. */
export interface UpstreamTransport {
  /** Never throws: what goes wrong ends the exchange. */
  send(provider: Provider, call: UpstreamCall): UpstreamExchange;
}

interface Address {
  readonly pool: ConnectionPool;
  /** Path of the base URL. */
  readonly prefix: string;
  /** Headers that name the connection. */
  readonly hostLines: string;
}

/** The network: one pool of keep-alive connections per origin and dialling rule, kept over reloads. */
export class UpstreamClient implements UpstreamTransport {
  readonly #pools = new Map<string, ConnectionPool>();
  /** Pools that reloads closed; those whose last request is done leave with the next reload. */
  readonly #retired = new Set<ConnectionPool>();
  readonly #addresses = new WeakMap<Provider, Address>();
  readonly #writes: TurnBatch;
  #closed = false;

  constructor(private readonly clock: Clock) {
    this.#writes = new TurnBatch(clock);
  }

  send(provider: Provider, call: UpstreamCall): UpstreamExchange {
    const exchange = new UpstreamExchange();
    if (this.#closed) {
      exchange.fail(new UpstreamFailure('ignored', 'shutting_down', 'never'));
      return exchange;
    }
    const known = this.#addresses.get(provider);
    // A request that began before a reload may still call a provider whose pool the reload closed.
    const { pool, prefix, hostLines } = known && !known.pool.closed ? known : this.#address(provider);
    const { method, path, headers, body } = call;
    const target = path.startsWith('//') ? path.slice(1) : prefix + path;
    const size = body?.reduce((bytes, { length }) => bytes + length, 0) ?? 0;
    const length = body === null ? '' : `content-length: ${size}\r\n`;
    const head = `${method} ${target} HTTP/1.1\r\n${hostLines}${headers}${length}\r\n`;
    pool.send({ head, body, size }, exchange);
    return exchange;
  }

  /** Closes the pools that none of `providers` uses, after their last request. */
  retain(providers: Iterable<Provider>): void {
    const used = new Set([...providers].filter(({ baseUrl }) => baseUrl !== undefined).map(poolKey));
    for (const pool of this.#retired) if (pool.size === 0) this.#retired.delete(pool);
    for (const [key, pool] of this.#pools) {
      if (used.has(key)) continue;
      this.#pools.delete(key);
      pool.close();
      this.#retired.add(pool);
    }
  }

  /** Lets go of every connection, for good: what is sent from now on fails. */
  close(): void {
    this.#closed = true;
    for (const pool of [...this.#pools.values(), ...this.#retired]) pool.destroy();
    this.#pools.clear();
    this.#retired.clear();
  }

  #address(provider: Provider): Address {
    const key = poolKey(provider);
    const url = new URL(provider.baseUrl ?? '');
    let pool = this.#pools.get(key);
    if (!pool) {
      const { timeouts, allowPrivate } = provider;
      pool = new ConnectionPool(
        originOf(url),
        { connectMs: timeouts.connectMs, allowPrivate },
        this.clock,
        this.#writes,
      );
      this.#pools.set(key, pool);
    }
    const hostLines = `host: ${url.host}\r\nconnection: keep-alive\r\n`;
    const address = { pool, prefix: url.pathname.replace(/\/$/, ''), hostLines };
    this.#addresses.set(provider, address);
    return address;
  }
}

function originOf({ protocol, hostname, port }: URL): Origin {
  const isSecure = protocol === 'https:';
  return { isSecure, hostname: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || (isSecure ? 443 : 80) };
}

function poolKey(provider: Provider): string {
  const { origin } = new URL(provider.baseUrl ?? '');
  return `${origin} ${provider.timeouts.connectMs} ${provider.allowPrivate}`;
}
