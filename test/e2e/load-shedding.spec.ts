import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';
import { answers } from '../support/upstream-scripts.js';

const ASK = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] };
const MAX_IN_FLIGHT = 10;

const bearer = (id: string): Record<string, string> => ({ authorization: `Bearer the-secret-of-${id}` });

describe('shedding by requests in flight, over HTTP', () => {
  let upstream: ScriptedUpstream;
  let gateway: GatewayProcess;
  const held: Promise<unknown>[] = [];
  let release: () => void = () => undefined;

  beforeAll(async () => {
    upstream = await ScriptedUpstream.start(answers('a'));
    const key = (id: string, traits: object = {}): object => ({
      id,
      secret: `the-secret-of-${id}`,
      models: ['*'],
      ...traits,
    });
    gateway = await GatewayProcess.start({
      config: {
        version: 1,
        auth: {
          keys: [
            key('default'),
            key('degradable', { degradable: true, priority: 'critical' }),
            key('critical', { priority: 'critical' }),
            key('sheddable', { priority: 'sheddable' }),
          ],
        },
        providers: [
          { name: 'a', kind: 'vllm', baseUrl: upstream.baseUrl, allowPrivate: true, probe: { enabled: false } },
        ],
        models: [{ name: 'm', targets: [{ provider: 'a', model: 'm' }] }],
        limits: { maxInFlight: MAX_IN_FLIGHT },
        resilience: { shedding: { sampleMs: 50, degradedMaxTokens: 7 } },
      },
    });
  });
  afterAll(() => Promise.all([gateway.stop(), upstream.stop()]));
  afterEach(async () => {
    release();
    await Promise.all(held.splice(0));
  });

  const ask = (id: string, headers: Record<string, string> = {}, body: object = ASK): Promise<Response> =>
    gateway.post(body, { ...bearer(id), ...headers });

  /** Requests that the upstream keeps until the test ends, at a level of at least `level`. */
  async function hold(requests: number, level: number): Promise<void> {
    const reply = answers('a');
    const released = new Promise<void>((resolve) => (release = resolve));
    const before = upstream.received.length;
    upstream.script = async (...call) => {
      await released;
      await reply(...call);
    };
    for (let request = 0; request < requests; request++) held.push(ask('critical').then((got) => got.text()));
    await gateway.until(() => upstream.received.length - before === requests);
    upstream.script = reply;
    const reached = async (): Promise<number> => (await gateway.metrics()).get('gateway_shed_level') ?? 0;
    await expect.poll(reached, { timeout: 10_000 }).toBeGreaterThanOrEqual(level);
  }

  it('at 90 % refuses the sheddable, whatever they call themselves, and those who lower themselves', async () => {
    await hold(9, 2);
    for (const [id, headers] of [
      ['sheddable', {}],
      ['sheddable', { 'x-priority': 'critical' }],
      ['default', { 'x-priority': 'sheddable' }],
      ['critical', { 'x-priority': 'sheddable' }],
    ] as const) {
      const refused = await ask(id, headers);
      expect(refused.status).toBe(503);
      // On a busy machine another signal may be the first to say so.
      expect(refused.headers.get('x-gateway-reason')).not.toBeNull();
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await refused.json()).toMatchObject({ error: { code: 'overloaded' } });
    }
    expect((await ask('critical')).status).toBe(200);
    expect((await ask('critical', { 'x-priority': 'nonsense' })).status).toBe(200);
  });

  it('at 90 % bounds the answers of keys that agreed to it, and says so', async () => {
    await hold(9, 2);
    const asked = (): unknown => JSON.parse(upstream.received.at(-1)!.body.toString());
    const shorter = await ask('degradable', {}, { ...ASK, max_tokens: 100 });
    expect(shorter.headers.get('x-gateway-degraded')).toBe('max_tokens');
    expect(asked()).toMatchObject({ max_tokens: 7 });
    const short = await ask('degradable', {}, { ...ASK, max_tokens: 5 });
    expect(short.headers.get('x-gateway-degraded')).toBeNull();
    expect(asked()).toMatchObject({ max_tokens: 5 });
    await ask('critical', {}, { ...ASK, max_tokens: 100 });
    expect(asked()).toMatchObject({ max_tokens: 100 });
  });

  it('at 100 % refuses all but the critical', async () => {
    await hold(10, 3);
    const refused = await ask('default');
    expect(refused.status).toBe(503);
    expect((await ask('critical')).status).toBe(200);
  });
});
