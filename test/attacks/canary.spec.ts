import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AttackedGateway, providerAt } from '../support/attacked-gateway.js';
import { OtlpReceiver } from '../support/otlp-receiver.js';
import { RawConnection } from '../support/raw-connection.js';
import { type UpstreamScript } from '../support/scripted-upstream.js';
import { beginStream, event } from '../support/upstream-scripts.js';

/** What must never be seen outside the process, each in a place of its own. */
const CANARIES = {
  client: 'canary-client-key-0123456789',
  admin: 'canary-admin-key-0123456789',
  fromEnvironment: 'canary-env-key-0123456789',
  provider: 'canary-provider-key-0123456789',
  pepper: 'canary-pepper-0123456789-0123456789',
  unknown: 'canary-unknown-key-0123456789',
  prompt: 'canary-prompt-0123456789',
  answer: 'canary-answer-0123456789',
  banned: 'canary-banned-0123456789',
  path: 'canary-path-0123456789',
};
const ASK = { model: 'm', messages: [{ role: 'user', content: `Say ${CANARIES.prompt}` }] };
const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });

const SCRIPTS: readonly UpstreamScript[] = [
  (_request, response) => {
    beginStream(response);
    response.end(`${event({ content: CANARIES.answer })}${event({}, 'stop')}data: [DONE]\n\n`);
  },
  (_request, response) => {
    const choices = [{ index: 0, message: { role: 'assistant', content: CANARIES.answer }, finish_reason: 'stop' }];
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ model: 'm', choices }));
  },
  (_request, response) =>
    void response.writeHead(500).end(`{"error":{"message":"${CANARIES.provider} ${CANARIES.prompt}"}}`),
  (_request, response) => void response.writeHead(401).end(`{"error":{"message":"key ${CANARIES.provider} is wrong"}}`),
  (_request, response) =>
    void response.writeHead(400).end(`{"error":{"message":"key ${CANARIES.provider} at http://${CANARIES.path}/"}}`),
  (_request, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end(CANARIES.answer),
  (_request, response, socket) => {
    beginStream(response);
    response.write(event({ content: 'x' }));
    setTimeout(() => socket.destroy(), 20);
  },
  (_request, _response, socket) => void socket.destroy(),
];

describe('secrets, prompts and answers', () => {
  let rig: AttackedGateway;
  let collector: OtlpReceiver;
  /** All that callers and operators were told. */
  const told: string[] = [];

  beforeAll(async () => {
    collector = await OtlpReceiver.start();
    rig = await AttackedGateway.start(
      (upstream) => ({
        auth: {
          keys: [
            {
              id: 'client',
              secret: CANARIES.client,
              limits: { requestsPerMinute: 10_000 },
              budgets: [{ scope: 'key', window: '1d', usd: '5' }],
            },
            { id: 'admin', secret: CANARIES.admin, role: 'admin' },
            { id: 'environment', secret: '${env:CANARY_KEY}' },
          ],
        },
        providers: [
          providerAt('up', upstream, { apiKey: CANARIES.provider }),
          providerAt('claude', upstream, { apiKey: CANARIES.provider, kind: 'anthropic' }),
        ],
        models: [
          {
            name: 'm',
            targets: ['up', 'claude'].map((provider) => ({ provider, model: 'm' })),
            price: { inputPerMillion: '1', cachedInputPerMillion: '1', outputPerMillion: '1' },
          },
        ],
        guardrails: { words: [CANARIES.banned] },
        resilience: { maxAttempts: 2, breaker: { enabled: false }, shedding: { enabled: false } },
      }),
      {
        CANARY_KEY: CANARIES.fromEnvironment,
        GATEWAY_KEY_PEPPER: CANARIES.pepper,
        DEBUG: 'true',
        LOG_LEVEL: 'trace',
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
        OTEL_BSP_SCHEDULE_DELAY: '20',
      },
    );
  });
  afterAll(async () => {
    await rig.stop();
    await collector.stop();
  });

  /** @param own what whoever asks has sent or may see itself */
  async function hear(response: Response, ...own: string[]): Promise<void> {
    let text = JSON.stringify([...response.headers]) + (await response.text().catch(() => ''));
    for (const word of own) text = text.replaceAll(word, '');
    told.push(text);
  }

  const ops = (path: string, body?: unknown, key = CANARIES.admin): Promise<Response> =>
    fetch(rig.gateway.opsUrl + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { ...bearer(key), ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });

  it('go in and out of the gateway in every way that there is', async () => {
    for (const script of SCRIPTS) {
      rig.reset(script);
      for (const key of [CANARIES.client, CANARIES.fromEnvironment, CANARIES.admin]) {
        for (const stream of [false, true]) {
          const headers = {
            ...bearer(key),
            'x-gateway-trace': '1',
            cookie: `a=${CANARIES.client}`,
            'x-api-key': CANARIES.client,
          };
          await hear(await rig.gateway.post({ ...ASK, stream }, headers), CANARIES.answer);
        }
      }
    }
    rig.reset();
    const refused: [unknown, Record<string, string>][] = [
      [ASK, bearer(CANARIES.unknown)],
      [ASK, { authorization: CANARIES.client }],
      [{ ...ASK, messages: [{ role: 'user', content: CANARIES.banned }] }, bearer(CANARIES.client)],
      [{ ...ASK, temperature: CANARIES.prompt }, bearer(CANARIES.client)],
      [`{"model":"m","messages":["${CANARIES.prompt}`, bearer(CANARIES.client)],
      [{ ...ASK, api_key: CANARIES.provider }, bearer(CANARIES.client)],
      [{ ...ASK, messages: [{ role: CANARIES.prompt }] }, bearer(CANARIES.client)],
    ];
    for (const [body, headers] of refused) await hear(await rig.gateway.post(body, headers));
    for (const url of [rig.gateway.publicUrl, rig.gateway.opsUrl]) {
      await hear(await fetch(`${url}/v1/usage?key=${CANARIES.client}`, { headers: bearer(CANARIES.client) }));
      await hear(await fetch(`${url}/v1/models`, { headers: bearer(CANARIES.client) }));
    }
    const connection = await RawConnection.open(rig.gateway.publicUrl);
    connection.send(
      `POST /v1/chat/completions HTTP/1.1\r\nAuthorization: Bearer ${CANARIES.client}\r\nx\0: ${CANARIES.client}\r\n\r\n`,
    );
    told.push((await connection.answer()).body.toString());
    connection.destroy();
  });

  it('are in nothing that operators are told', async () => {
    const paths = [
      'status',
      'config',
      'config/history',
      'keys',
      'usage',
      'audit',
      'audit-log',
      'requests',
      'slo',
      'traffic',
      'chaos',
    ];
    for (const path of paths) {
      const response = await ops(`/admin/${path}`);
      expect([path, response.status]).toEqual([path, 200]);
      await hear(response);
      await hear(await ops(`/admin/${path}`, undefined, CANARIES.unknown));
    }
    await hear(await ops('/admin/explain', { request: ASK, keyId: 'client' }));
    await hear(await ops('/admin/playground', { ...ASK, stream: true }));
    await hear(
      await ops('/admin/config/validate', {
        version: 1,
        auth: { keys: [{ id: 'x', secret: CANARIES.client, role: CANARIES.admin }] },
      }),
    );
    await hear(await ops('/admin/config/reload', {}));
    await hear(await ops('/admin/providers/up/drain', { reason: 'x' }));
    await hear(await ops('/admin/providers/up/undrain', {}));
    for (const path of ['/metrics', '/docs-json', '/v1/ready', '/v1/health', '/console']) await hear(await ops(path));
    for (const [name, canary] of Object.entries(CANARIES)) {
      expect([name, told.findIndex((text) => text.includes(canary))]).toEqual([name, -1]);
    }
  });

  it('are in no log line, trace or message of the process', async () => {
    await rig.gateway.until(() => collector.spans.length > 10);
    await rig.gateway.until(() => rig.gateway.log.filter(({ msg }) => msg === 'request').length > 40);
    const seen =
      JSON.stringify(rig.gateway.log) + rig.gateway.stderr + Buffer.concat(collector.bodies).toString('latin1');
    for (const [name, canary] of Object.entries(CANARIES)) expect([name, seen.includes(canary)]).toEqual([name, false]);
  });
});
