import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { targetOf } from '../../test/support/target.js';
import { type Provider } from '../kernel/snapshot.js';
import { UpstreamClient } from './upstream-client.js';
import { type UpstreamExchange } from './upstream-exchange.js';

const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi';
const CALL = { method: 'GET', path: '/x', headers: '', body: null } as const;

/** A server that shows each request together with the connection that it came on. */
class WatchedServer {
  readonly #server: Server;
  readonly #waiting: ((socket: Socket) => void)[] = [];
  readonly #arrived: Socket[] = [];
  connections = 0;

  constructor() {
    this.#server = createServer((socket) => {
      this.connections++;
      socket.on('error', () => undefined);
      socket.on('data', () => {
        const wake = this.#waiting.shift();
        if (wake) wake(socket);
        else this.#arrived.push(socket);
      });
    });
  }

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  stop(): void {
    this.#server.close();
  }

  get provider(): Provider {
    const baseUrl = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return { ...targetOf('openai').provider, baseUrl, allowPrivate: true };
  }

  /** The connection on which the next request came. */
  request(): Promise<Socket> {
    const arrived = this.#arrived.shift();
    return arrived ? Promise.resolve(arrived) : new Promise((resolve) => this.#waiting.push(resolve));
  }
}

describe('UpstreamClient', () => {
  let clock: ManualClock;
  let server: WatchedServer;
  let client: UpstreamClient;

  beforeEach(async () => {
    clock = new ManualClock();
    server = await new WatchedServer().start();
    client = new UpstreamClient(clock);
  });
  afterEach(() => {
    client.close();
    server.stop();
  });

  const ended = async (exchange: UpstreamExchange): Promise<string> => {
    try {
      return (await exchange.readAll(1_000)).toString();
    } catch (error) {
      return (error as { reason: string }).reason;
    }
  };

  /** A request that was answered, and whose connection is kept. */
  async function warm(provider: Provider): Promise<void> {
    const exchange = client.send(provider, CALL);
    (await server.request()).write(ANSWER);
    expect(await ended(exchange)).toBe('hi');
  }

  it('sends on a fresh connection what a stale one did not take', async () => {
    const { provider } = server;
    await warm(provider);
    const exchange = client.send(provider, CALL);
    (await server.request()).resetAndDestroy();
    (await server.request()).write(ANSWER);
    expect(await ended(exchange)).toBe('hi');
    expect(server.connections).toBe(2);
  });

  it.each(['resetAndDestroy', 'end'] as const)(
    'sends nothing twice that an upstream had time to begin with: %s',
    async (how) => {
      const { provider } = server;
      await warm(provider);
      const exchange = client.send(provider, CALL);
      const socket = await server.request();
      await clock.advance(251);
      socket[how]();
      expect(await ended(exchange)).toBe('reset');
      expect(server.connections).toBe(1);
    },
  );

  it('sends nothing any more once it was closed', async () => {
    const { provider } = server;
    client.close();
    expect(await ended(client.send(provider, CALL))).toBe('shutting_down');
    expect(server.connections).toBe(0);
  });

  it('ends what still runs on connections that a reload gave up', async () => {
    const exchange = client.send(server.provider, CALL);
    const socket = await server.request();
    client.retain([]);
    const closed = once(socket, 'close');
    client.close();
    expect(await ended(exchange)).toBe('reset');
    await closed;
  });
});
