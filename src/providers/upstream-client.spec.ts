import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { targetOf } from '../../test/support/target.js';
import { type Provider } from '../kernel/snapshot.js';
import { giveBack } from '../kernel/returned-memory.js';
import { type UpstreamCall, UpstreamClient } from './upstream-client.js';
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

  describe('the memory of a large body, given back by its owner', () => {
    /** More than the buffers of two sockets hold. */
    const BYTES = 32 * 1024 * 1024;
    const call = (body: Buffer): UpstreamCall => ({ method: 'POST', path: '/x', headers: '', body: [body] });
    const large = (): Buffer => Buffer.allocUnsafeSlow(BYTES).fill('a');

    it('is kept until the upstream has all of it', async () => {
      const body = large();
      const exchange = client.send(server.provider, call(body));
      const socket = await server.request();
      socket.pause();
      giveBack(body);
      expect(body).toHaveLength(BYTES);
      let sum = 0;
      socket.on('data', (chunk: Buffer) => (sum += chunk.length));
      socket.resume();
      await expect.poll(() => body.length).toBe(0);
      socket.write(ANSWER);
      expect(await ended(exchange)).toBe('hi');
      // What came before the pause was read by the server alone.
      expect(sum).toBeGreaterThan(BYTES / 2);
    });

    it('is kept after an early answer, until the connection is gone', async () => {
      const body = large();
      const exchange = client.send(server.provider, call(body));
      const socket = await server.request();
      socket.pause();
      socket.write(ANSWER);
      expect(await ended(exchange)).toBe('hi');
      giveBack(body);
      await expect.poll(() => body.length).toBe(0);
    });

    it.each([
      ['at once', () => Promise.resolve()],
      ['while it connects', () => new Promise<void>((resolve) => setImmediate(resolve))],
      ['while it is written', async () => (await server.request()).pause()],
    ])('is free when the request is given up %s', async (_when, wait) => {
      const body = large();
      const exchange = client.send(server.provider, call(body));
      await wait();
      giveBack(body);
      expect(body).toHaveLength(BYTES);
      exchange.discard();
      await expect.poll(() => body.length).toBe(0);
    });

    it('is kept where another connection carries the request instead', async () => {
      const { provider } = server;
      await warm(provider);
      const body = large();
      const exchange = client.send(provider, call(body));
      (await server.request()).resetAndDestroy();
      const socket = await server.request();
      socket.pause();
      giveBack(body);
      expect(body).toHaveLength(BYTES);
      socket.resume();
      await expect.poll(() => body.length).toBe(0);
      socket.write(ANSWER);
      expect(await ended(exchange)).toBe('hi');
    });
  });
});
