import { afterEach, describe, expect, it } from 'vitest';
import { DeafServer } from '../support/deaf-server.js';
import { GatewayProcess } from '../support/gateway-process.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';
import { answers, beginStream, event, refuses } from '../support/upstream-scripts.js';

const ASK = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] };

/** A gateway over the given providers, equals of one tier in this order of preference, with breakers as shipped. */
function gatewayOver(providers: readonly object[]): Promise<GatewayProcess> {
  return GatewayProcess.start({
    config: {
      version: 1,
      auth: { anonymous: { enabled: true, models: ['*'] } },
      providers: providers.map((provider) => ({
        ...{ kind: 'openai', allowPrivate: true, probe: { enabled: false } },
        ...provider,
      })),
      models: [
        {
          name: 'm',
          targets: providers.map((provider) => ({ provider: (provider as { name: string }).name, model: 'm' })),
        },
      ],
    },
  });
}

/** What attempts at a provider ended with, by reason. */
async function reasonsOf(gateway: GatewayProcess, provider: string): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const [series, value] of await gateway.metrics()) {
    if (!series.startsWith('gateway_attempts_total{') || !series.includes(`provider="${provider}"`)) continue;
    const reason = /reason="(\w+)"/.exec(series)?.[1] ?? '';
    found[reason] = (found[reason] ?? 0) + value;
  }
  return found;
}

describe('an upstream that cannot be reached', () => {
  const stops: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  });
  const started = async <Server extends { stop(): Promise<unknown> }>(server: Promise<Server>): Promise<Server> => {
    const it = await server;
    stops.push(() => it.stop());
    return it;
  };
  const pin = { 'x-provider-priority': 'dead' };

  it('is given up after the connect timeout when it never accepts, and left alone once its breaker is open', async () => {
    const deaf = await started(DeafServer.start());
    const well = await started(ScriptedUpstream.start(answers('well')));
    const gateway = await started(
      gatewayOver([
        { name: 'dead', baseUrl: deaf.baseUrl, timeouts: { connectMs: 200 } },
        { name: 'well', baseUrl: well.baseUrl },
      ]),
    );
    const attempts: (string | null)[] = [];
    for (let n = 0; n < 8; n++) {
      const response = await gateway.post(ASK, pin);
      expect(response.status).toBe(200);
      expect(await response.text()).toContain('"well"');
      attempts.push(response.headers.get('x-gateway-attempts'));
    }
    expect(attempts).toEqual(['2', '2', '2', '2', '2', '1', '1', '1']);
    expect(await reasonsOf(gateway, 'dead')).toEqual({ connect_timeout: 5 });
  });

  it('holds up nobody when its name leads nowhere', async () => {
    const well = await started(ScriptedUpstream.start(answers('well')));
    const gateway = await started(
      gatewayOver([
        { name: 'dead', baseUrl: 'http://no-such-host.invalid/v1', timeouts: { connectMs: 500 } },
        // By its name, so that it needs a look-up, too.
        { name: 'well', baseUrl: well.baseUrl.replace('127.0.0.1', 'localhost') },
      ]),
    );
    const responses = await Promise.all(Array.from({ length: 50 }, () => gateway.post(ASK, pin)));
    expect(responses.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 200));
    for (const response of responses) expect(await response.text()).toContain('"well"');
    const reasons = Object.keys(await reasonsOf(gateway, 'dead'));
    // Which of the two is up to the resolver of the machine.
    expect(['connect_error', 'connect_timeout']).toEqual(expect.arrayContaining(reasons));
    expect(reasons.length).toBeGreaterThan(0);
  });

  it('is asked no more than probes allow while all of them fail, and callers are told at once when to come back', async () => {
    const dead = await started(ScriptedUpstream.start(refuses(500)));
    const dying = await started(ScriptedUpstream.start(refuses(500)));
    const gateway = await started(
      gatewayOver([
        { name: 'dead', baseUrl: dead.baseUrl },
        { name: 'dying', baseUrl: dying.baseUrl },
      ]),
    );
    const received = (): number => dead.received.length + dying.received.length;
    // Five faults in a row open a breaker.
    while ((await gateway.post(ASK)).status !== 503);
    const before = received();
    const responses = await Promise.all(Array.from({ length: 100 }, () => gateway.post(ASK)));
    const texts = await Promise.all(responses.map((response) => response.text()));
    const refused = responses.filter(({ status }) => status === 503);
    expect(refused.length).toBeGreaterThanOrEqual(98);
    for (const response of refused) expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(texts.filter((text) => text.includes('"code":"no_provider_available"')).length).toBeGreaterThanOrEqual(98);
    // The probe that is due of each, and the one a second of all together.
    expect(received() - before).toBeLessThanOrEqual(4);
  });

  it('is let go of at the total bound however steadily it drips, with one error event', async () => {
    const dripping = await started(
      ScriptedUpstream.start((_request, response) => {
        beginStream(response);
        const timer = setInterval(() => response.write(event({ content: 'drip ' })), 100);
        response.on('close', () => clearInterval(timer));
      }),
    );
    const gateway = await started(
      gatewayOver([{ name: 'slow', baseUrl: dripping.baseUrl, timeouts: { idleMs: 800, totalMs: 1_500 } }]),
    );
    const raw = await (await gateway.post({ ...ASK, stream: true })).text();
    expect(raw).toContain('drip');
    expect(raw.match(/^data: \{"error"/gm)).toHaveLength(1);
    expect(raw).toContain('"code":"deadline_exceeded"');
    expect(raw).not.toContain('[DONE]');
    await dripping.received[0]?.aborted;
  });
});
