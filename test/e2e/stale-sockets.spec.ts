import { createServer, type Server, type Socket } from 'node:net';
import { type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';

const CONNECTIONS = 5;
const ASK = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] };
const BODY = JSON.stringify({
  id: 'c',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
});
const ANSWER = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`;

/** Answers the first request of each connection once `CONNECTIONS` of them wait; resets it at the next. */
class OneAnswerPerConnection {
  accepted = 0;
  resets = 0;
  readonly #waiting: Socket[] = [];

  private constructor(private readonly server: Server) {}

  static async start(): Promise<OneAnswerPerConnection> {
    const server = createServer();
    const upstream = new OneAnswerPerConnection(server);
    server.on('connection', (socket) => upstream.#serve(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return upstream;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  stop(): void {
    this.server.close();
  }

  #serve(socket: Socket): void {
    this.accepted++;
    let requests = 0;
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      // Each request is small enough to come in one piece, head and body.
      if (!data.includes('POST ')) return;
      if (++requests > 1) {
        this.resets++;
        socket.resetAndDestroy();
        return;
      }
      this.#waiting.push(socket);
      if (this.accepted > CONNECTIONS || this.#waiting.length === CONNECTIONS) this.#answer();
    });
  }

  #answer(): void {
    for (const socket of this.#waiting.splice(0)) socket.write(ANSWER);
  }
}

describe('a pool of connections that the upstream has given up', () => {
  let upstream: OneAnswerPerConnection;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    upstream = await OneAnswerPerConnection.start();
    gateway = await GatewayProcess.start({
      config: {
        version: 1,
        auth: { anonymous: { enabled: true, models: ['*'] } },
        providers: [{ name: 'a', kind: 'openai', baseUrl: upstream.baseUrl, allowPrivate: true }],
        models: [{ name: 'm', targets: [{ provider: 'a', model: 'm' }] }],
        // No second attempt hides what the first one meets.
        resilience: { maxAttempts: 1, shedding: { enabled: false } },
      },
    });
  });
  afterAll(async () => {
    await gateway.stop();
    upstream.stop();
  });

  it('costs no request: each stale one is replaced until a fresh one carries it, within one attempt', async () => {
    const warm = await Promise.all(Array.from({ length: CONNECTIONS }, () => gateway.post(ASK)));
    expect(warm.map(({ status }) => status)).toEqual(warm.map(() => 200));
    await Promise.all(warm.map((response) => response.text()));
    expect(upstream.accepted).toBe(CONNECTIONS);

    const response = await gateway.post(ASK);
    expect(response.status).toBe(200);
    expect(response.headers.get('x-gateway-attempts')).toBe('1');
    expect(upstream.resets).toBeGreaterThanOrEqual(1);
    expect(upstream.accepted).toBe(CONNECTIONS + 1);
  });
});
