import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';
import { answers } from '../support/upstream-scripts.js';

const SAMPLES = 5;
const ASK = { model: 'm', messages: [{ role: 'user', content: 'Hi' }], stream: true };
/** The first attempt goes to `slow`, the hedge to the other target of its tier. */
const PINNED = { 'x-provider-priority': 'slow' };

describe('hedging over real sockets', () => {
  let slow: ScriptedUpstream;
  let fast: ScriptedUpstream;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    [slow, fast] = [await ScriptedUpstream.start(answers('slow')), await ScriptedUpstream.start(answers('fast'))];
    const provider = (name: string, { baseUrl }: ScriptedUpstream): object => ({
      name,
      kind: 'openai',
      baseUrl,
      allowPrivate: true,
      hosting: 'selfHosted',
      probe: { enabled: false },
    });
    gateway = await GatewayProcess.start({
      config: {
        version: 1,
        auth: { anonymous: { enabled: true, models: ['*'] } },
        providers: [provider('slow', slow), provider('fast', fast)],
        models: [
          {
            name: 'm',
            targets: [
              { provider: 'slow', model: 'm' },
              { provider: 'fast', model: 'm' },
            ],
            price: { inputPerMillion: '1', outputPerMillion: '1' },
          },
        ],
        resilience: {
          hedging: { enabled: true, minSamples: SAMPLES, minDelayMs: 100, budgetRatio: 1 },
          shedding: { enabled: false },
        },
      },
    });
  });
  afterAll(() => Promise.all([gateway.stop(), slow.stop(), fast.stop()]));

  it('answers from the second attempt, aborts the first upstream, charges once and shows what was wasted', async () => {
    for (let sample = 0; sample < SAMPLES; sample++) await (await gateway.post(ASK, PINNED)).text();
    expect([slow.received.length, fast.received.length]).toEqual([SAMPLES, 0]);

    slow.script = () => undefined;
    const response = await gateway.post(ASK, PINNED);
    const text = await response.text();
    expect(response.headers.get('x-gateway-provider')).toBe('fast');
    expect(response.headers.get('x-gateway-attempts')).toBe('2');
    expect(response.headers.get('x-gateway-failed-providers')).toBeNull();
    expect(text.match(/"role"/g)).toHaveLength(1);
    expect(text).not.toContain('slow');
    await slow.received.at(-1)!.aborted;

    const line = await gateway.ledger(response.headers.get('x-request-id')!);
    expect(line).toMatchObject({ provider: 'fast', promptTokens: 3, completionTokens: 5, costUsd: '0.000008' });
    const metrics = await gateway.metrics();
    expect(metrics.get('gateway_hedge_total{outcome="won"}')).toBe(1);
    expect(metrics.get('gateway_upstream_waste_nanodollars_total')).toBeGreaterThan(0);
    expect([...metrics].filter(([name]) => name.startsWith('gateway_limiter_in_flight')).map(([, n]) => n)).toEqual([
      0, 0,
    ]);
  });
});
