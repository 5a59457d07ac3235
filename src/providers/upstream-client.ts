import { Client, type Dispatcher, Pool } from 'undici';
import { type Clock } from '../kernel/clock.js';
import { type Provider } from '../kernel/snapshot.js';
import { UpstreamFailure } from '../kernel/upstream.js';
import { failedOnReusedSocket, upstreamConnector } from './upstream-connector.js';
import { type ProducerControl, ResponseHead, UpstreamExchange } from './upstream-exchange.js';

/** What goes over the wire. */
export interface UpstreamCall {
  readonly method: 'POST' | 'GET';
  /** Below the provider's base URL, or below its origin where it begins with `//`. */
  readonly path: string;
  /** Name, value, name, value …: undici takes a flat list as it is. */
  readonly headers: string[];
  readonly body: Buffer | null;
}

/** Whoever can carry a call to a provider. */
export interface UpstreamTransport {
  /** Never throws: what goes wrong ends the exchange. */
  send(provider: Provider, call: UpstreamCall): UpstreamExchange;
}

interface Address {
  readonly pool: Pool;
  readonly prefix: string;
  /** Opens one more connection, for one request. */
  readonly fresh: () => Client;
}

/** A header block that no honest upstream needs, bytes. */
const MAX_HEADER_BYTES = 32 * 1024;
/** undici's codes of answers that are none. */
const MALFORMED = new Set(['UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH']);
/** Engines drop idle connections after 5 s without saying so: let go first. */
const IDLE_SOCKET_MS = 4_000;

/** The network: one pool of keep-alive connections per origin and dialling rule, kept over reloads. */
export class UpstreamClient implements UpstreamTransport {
  readonly #pools = new Map<string, Pool>();
  readonly #addresses = new WeakMap<Provider, Address>();

  constructor(private readonly clock: Clock) {}

  send(provider: Provider, call: UpstreamCall): UpstreamExchange {
    const known = this.#addresses.get(provider);
    // A request that began before a reload may still call a provider whose pool the reload closed.
    const { pool, prefix, fresh } = known && !known.pool.closed ? known : this.#address(provider);
    const path = call.path.startsWith('//') ? call.path.slice(1) : prefix + call.path;
    const exchange = new UpstreamExchange();
    const options = { method: call.method, path, headers: call.headers, body: call.body };
    new ExchangeHandler(options, exchange, fresh).dispatch(pool);
    return exchange;
  }

  /** Closes the pools that none of `providers` uses, after their last request. */
  retain(providers: Iterable<Provider>): void {
    const used = new Set([...providers].filter(({ baseUrl }) => baseUrl !== undefined).map(poolKey));
    for (const [key, pool] of this.#pools) {
      if (used.has(key)) continue;
      this.#pools.delete(key);
      void pool.close().catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
  }

  #address(provider: Provider): Address {
    const key = poolKey(provider);
    const url = new URL(provider.baseUrl ?? '');
    const options = connectionOptions(provider, this.clock);
    let pool = this.#pools.get(key);
    if (!pool) {
      pool = new Pool(url.origin, options);
      this.#pools.set(key, pool);
    }
    const fresh = (): Client => new Client(url.origin, options);
    const address = { pool, prefix: url.pathname.replace(/\/$/, ''), fresh };
    this.#addresses.set(provider, address);
    return address;
  }
}

function connectionOptions({ timeouts, allowPrivate }: Provider, clock: Clock): Client.Options {
  return {
    pipelining: 1,
    // The gateway's own timers bound every phase; undici's are coarse.
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: IDLE_SOCKET_MS,
    keepAliveMaxTimeout: IDLE_SOCKET_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    connect: upstreamConnector({ connectMs: timeouts.connectMs, allowPrivate }, clock),
  };
}

function poolKey(provider: Provider): string {
  const { origin } = new URL(provider.baseUrl ?? '');
  return `${origin} ${provider.timeouts.connectMs} ${provider.allowPrivate}`;
}

/** What undici calls while it carries one exchange. A class, so that a request makes one object of it and no closures. */
class ExchangeHandler implements Dispatcher.DispatchHandler, ProducerControl {
  #abort: ((error?: Error) => void) | undefined;
  #resume: (() => void) | undefined;

  constructor(
    private readonly options: Dispatcher.DispatchOptions,
    private readonly exchange: UpstreamExchange,
    /** The connection that replaces a stale one; undefined where it has been replaced already. */
    private fresh: (() => Client) | undefined,
  ) {}

  /** Never throws. */
  dispatch(dispatcher: Dispatcher): void {
    try {
      dispatcher.dispatch(this.options, this);
    } catch (error) {
      this.exchange.fail(asFailure(error as Error, false));
    }
  }

  abort(): void {
    this.#abort?.();
  }

  resume(): void {
    this.#resume?.();
  }

  onConnect(abort: (error?: Error) => void): void {
    this.#abort = abort;
    this.exchange.control(this);
  }

  onHeaders(status: number, headers: Buffer[], resume: () => void): boolean {
    if (status < 200) return true;
    this.#resume = resume;
    this.exchange.onHead(new ResponseHead(status, headers));
    return true;
  }

  onData(chunk: Buffer): boolean {
    return this.exchange.onData(chunk);
  }

  onComplete(): void {
    this.exchange.onEnd();
  }

  onError(error: Error): void {
    const { exchange, fresh } = this;
    const stale = !exchange.headReceived && !isMalformed(error) && failedOnReusedSocket(error);
    if (fresh && !exchange.failed && stale) {
      this.fresh = undefined;
      // Not the pool: when an upstream gives one idle connection up, the pool's others are as stale.
      const client = fresh();
      this.dispatch(client);
      void client.close().catch(() => undefined);
    } else exchange.fail(asFailure(error, exchange.headReceived));
  }
}

function asFailure(error: Error & { code?: string }, headReceived: boolean): UpstreamFailure {
  if (error instanceof UpstreamFailure) return error;
  const details = { cause: error };
  if (isMalformed(error)) return new UpstreamFailure('fault', 'malformed', 'elsewhere', details);
  return new UpstreamFailure('fault', headReceived ? 'truncated' : 'reset', 'same', details);
}

/** What came is no HTTP answer. undici's parser gives most of its errors a name, and no code. */
function isMalformed({ name, code }: Error & { code?: string }): boolean {
  return name === 'HTTPParserError' || (code !== undefined && MALFORMED.has(code));
}
