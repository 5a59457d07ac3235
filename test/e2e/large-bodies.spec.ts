import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasTool } from '../platform/repository.js';
import { GatewayProcess } from '../support/gateway-process.js';
import { SelfSignedCertificate } from '../support/self-signed-certificate.js';

const MIB = 1024 * 1024;
const CALLERS = 16;
const ROUNDS = 6;

/** What an upstream does with its n-th request. */
const WAYS = [
  'answers',
  'answers slowly read',
  'resets halfway',
  'refuses early',
  'answers',
  'resets at the end',
] as const;

/** Answers with the digest of the text that it was asked, in its own ways; each is a way in which real ones end uploads. */
class DigestingUpstream {
  #requests = 0;
  whole = 0;

  private constructor(
    private readonly server: Server,
    private readonly scheme: string,
  ) {}

  static async start(isHonest: boolean, certificate: SelfSignedCertificate | undefined): Promise<DigestingUpstream> {
    const server = certificate ? createTlsServer(certificate.options) : createServer();
    const upstream = new DigestingUpstream(server, certificate ? 'https' : 'http');
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const way = isHonest ? 'answers' : (WAYS[upstream.#requests++ % WAYS.length] ?? 'answers');
      // Where its own caller has left, the gateway cuts the upload off.
      upstream.#serve(way, request, response).catch(() => undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    return upstream;
  }

  get baseUrl(): string {
    return `${this.scheme}://localhost:${(this.server.address() as AddressInfo).port}/v1`;
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  /** A TLS socket cannot send a reset. */
  #cut({ socket }: IncomingMessage): void {
    if (this.scheme === 'http') socket.resetAndDestroy();
    else socket.destroy();
  }

  async #serve(way: (typeof WAYS)[number], request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.on('error', () => undefined);
    if (way === 'refuses early') {
      response.writeHead(503, { 'content-type': 'application/json' }).end('{"error":{"message":"busy"}}');
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (way === 'resets halfway' && size > MIB / 2) {
        this.#cut(request);
        return;
      }
      if (way === 'answers slowly read') await new Promise((resolve) => setImmediate(resolve));
    }
    if (way === 'resets at the end') {
      this.#cut(request);
      return;
    }
    this.whole++;
    const { messages } = JSON.parse(Buffer.concat(chunks).toString()) as { messages: { content: string }[] };
    const message = { role: 'assistant', content: digest(messages[0]?.content ?? '') };
    const choices = [{ index: 0, message, finish_reason: 'stop' }];
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ id: 'c', object: 'chat.completion', created: 1, model: 'x', choices }));
  }
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

const SCHEMES = ['http', ...(hasTool('openssl') ? ['https'] : [])];

describe.each(SCHEMES)('prompts of a megabyte over %s, many at a time', { timeout: 120_000 }, (scheme) => {
  let certificate: SelfSignedCertificate | undefined;
  let faulty: DigestingUpstream;
  let honest: DigestingUpstream;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    certificate = scheme === 'https' ? new SelfSignedCertificate(1) : undefined;
    faulty = await DigestingUpstream.start(false, certificate);
    honest = await DigestingUpstream.start(true, certificate);
    const up = { kind: 'openai', allowPrivate: true, probe: { enabled: false } };
    gateway = await GatewayProcess.start({
      env: certificate ? { NODE_EXTRA_CA_CERTS: certificate.path } : {},
      config: {
        version: 1,
        auth: { anonymous: { enabled: true } },
        providers: [
          { name: 'faulty', ...up, baseUrl: faulty.baseUrl },
          { name: 'honest', ...up, baseUrl: honest.baseUrl },
        ],
        models: ['x', 'renamed'].map((name) => ({
          name,
          targets: [
            { provider: 'faulty', model: 'x', tier: 0 },
            { provider: 'honest', model: 'x', tier: 1 },
          ],
        })),
        resilience: { breaker: { enabled: false }, shedding: { enabled: false } },
      },
    });
  });
  afterAll(async () => {
    await gateway.stop();
    faulty.stop();
    honest.stop();
    certificate?.remove();
  });

  /** Every prompt is of a text that no other has. */
  const ask = (model: string): { readonly text: string; readonly body: object } => {
    const text = randomBytes((MIB * 3) / 4).toString('base64');
    return { text, body: { model, messages: [{ role: 'user', content: text }] } };
  };

  it.each(['x', 'renamed'])('arrive whole, whatever upstreams and other callers do meanwhile: %s', async (model) => {
    const wrong: string[] = [];
    const caller = async (leaves: boolean): Promise<void> => {
      for (let round = 0; round < ROUNDS; round++) {
        const { text, body } = ask(model);
        const left = new AbortController();
        const answer = fetch(`${gateway.publicUrl}/v1/chat/completions`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
          signal: left.signal,
        });
        if (leaves) {
          await new Promise((resolve) => setImmediate(resolve));
          left.abort();
          await answer.catch(() => undefined);
          continue;
        }
        const response = await answer;
        const told = (await response.json()) as { choices?: { message: { content: string } }[] };
        const said = told.choices?.[0]?.message.content;
        if (said !== digest(text)) wrong.push(`${response.status} ${JSON.stringify(told).slice(0, 200)}`);
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, (_, index) => caller(index % 4 === 3)));
    expect(wrong).toEqual([]);
    expect(faulty.whole).toBeGreaterThan(0);
    expect(honest.whole).toBeGreaterThan(0);
    expect(gateway.exited).toBe(false);
  });
});
