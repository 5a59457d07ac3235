import { type ServerResponse } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { GatewayProcess } from '../support/gateway-process.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';
import { answers, beginStream, event } from '../support/upstream-scripts.js';

const STREAMS = 50;
const [OLD, YOUNG] = ['an-old-key-0123456789', 'a-young-key-0123456789'];
const PROMPT = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };

let folder: string;
let path: string;
let held: ServerResponse[];
let leaving: ScriptedUpstream;
let staying: ScriptedUpstream;
const gateways: GatewayProcess[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'reload-'));
  path = join(folder, 'gateway.yaml');
  held = [];
  leaving = await ScriptedUpstream.start((_request, response) => {
    beginStream(response);
    response.write(event({ content: 'begun' }));
    held.push(response);
  });
  staying = await ScriptedUpstream.start(answers('staying'));
});
afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.stop();
  await Promise.all([leaving.stop(), staying.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

async function startGateway(): Promise<GatewayProcess> {
  const gateway = await GatewayProcess.start({ env: { CONFIG_PATH: path } });
  gateways.push(gateway);
  return gateway;
}

/** A file with the old key and both providers, or what is named of them. */
function write({ key = OLD, providers = ['leaving', 'staying'] } = {}): void {
  const urls: Record<string, string> = { leaving: leaving.baseUrl, staying: staying.baseUrl };
  writeFileSync(
    path,
    stringify({
      version: 1,
      auth: { anonymous: { enabled: false }, keys: [{ id: 'app', secret: key }] },
      providers: providers.map((name) => ({ name, kind: 'openai', baseUrl: urls[name], allowPrivate: true })),
      models: [{ name: 'm', targets: providers.map((provider) => ({ provider, model: 'x' })) }],
      resilience: { shedding: { enabled: false } },
    }),
  );
}

const applied = (gateway: GatewayProcess): Promise<void> =>
  gateway.until(() => gateway.log.some(({ msg }) => msg === 'configuration applied'));

function ask(gateway: GatewayProcess, more: object = {}, headers: Record<string, string> = {}): Promise<Response> {
  return gateway.post({ ...PROMPT, ...more }, { authorization: `Bearer ${OLD}`, ...headers });
}

/** Streams that have begun and that the upstream holds. */
async function openStreams(gateway: GatewayProcess, count: number): Promise<Response[]> {
  const pin = { 'x-provider-priority': 'leaving' };
  const streams = await Promise.all(Array.from({ length: count }, () => ask(gateway, { stream: true }, pin)));
  expect(streams.map(({ status }) => status)).toEqual(Array<number>(count).fill(200));
  return streams;
}

async function endsOf(streams: readonly Response[]): Promise<string[]> {
  for (const response of held) response.end(`${event({ content: ' ended' })}${event({}, 'stop')}data: [DONE]\n\n`);
  return Promise.all(streams.map((stream) => stream.text()));
}

const isWhole = (text: string): boolean =>
  text.includes('begun') && text.includes(' ended') && text.endsWith('data: [DONE]\n\n');

describe('requests in flight while the configuration changes', () => {
  it('finish on a provider that is taken out, which gets no new ones', async () => {
    write();
    const gateway = await startGateway();
    const streams = await openStreams(gateway, STREAMS);
    write({ providers: ['staying'] });
    await applied(gateway);

    for (let n = 0; n < 10; n++) {
      const answer = await ask(gateway);
      expect([answer.status, answer.headers.get('x-gateway-provider')]).toEqual([200, 'staying']);
    }
    expect((await ask(gateway, {}, { 'x-provider-priority': 'leaving' })).status).toBe(400);
    expect(leaving.received).toHaveLength(STREAMS);
    expect((await endsOf(streams)).filter(isWhole)).toHaveLength(STREAMS);
  });

  it('finish on a key that is revoked, which no gateway of the file takes any more', async () => {
    write();
    const both = await Promise.all([startGateway(), startGateway()]);
    const streams = await openStreams(both[0], 1);
    write({ key: YOUNG });
    await Promise.all(both.map(applied));

    for (const gateway of both) {
      expect((await ask(gateway)).status).toBe(401);
      expect(
        (await ask(gateway, {}, { authorization: `Bearer ${YOUNG}`, 'x-provider-priority': 'staying' })).status,
      ).toBe(200);
    }
    expect((await endsOf(streams)).filter(isWhole)).toHaveLength(1);
  });
});
