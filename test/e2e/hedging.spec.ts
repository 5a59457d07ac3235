import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { OtlpReceiver } from '../support/otlp-receiver.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';
import { answers } from '../support/upstream-scripts.js';

const SAMPLES = 5;
const ASK = { model: 'm', messages: [{ role: 'user', content: 'Hi' }], stream: true };
/** The first attempt goes to `slow`, the hedge to the other target of its tier. */
const PINNED = { 'x-provider-priority': 'slow' };

describe('hedging over real sockets', () => {
  let slow: ScriptedUpstream;
  let fast: ScriptedUpstream;
  let collector: OtlpReceiver;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    collector = await OtlpReceiver.start();
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
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_BSP_SCHEDULE_DELAY: '20' },
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
  afterAll(() => Promise.all([gateway.stop(), slow.stop(), fast.stop(), collector.stop()]));

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

  it('shows the hedge in the trace, with a span for the winner and one for the loser', async () => {
    await gateway.until(() => collector.spans.some(({ attributes }) => attributes['gateway.attempt.kind'] === 'hedge'));
    const { traceId } = collector.spans.find(({ attributes }) => attributes['gateway.attempt.kind'] === 'hedge')!;
    const ofTrace = () => collector.spans.filter((span) => span.traceId === traceId);
    await gateway.until(() => ofTrace().length === 3);
    const server = ofTrace().find(({ kind }) => kind === 'server')!;
    expect(server.failed).toBe(false);
    expect(server.attributes).toMatchObject({ 'gateway.attempts': 2, 'gateway.end': 'completed' });
    expect(server.events[0]).toEqual({ name: 'gateway.hedge', attributes: { 'gateway.provider': 'fast' } });
    const attempt = (provider: string) =>
      ofTrace().find(({ attributes }) => attributes['gateway.provider'] === provider)!;
    for (const provider of ['slow', 'fast']) {
      expect(attempt(provider)).toMatchObject({ kind: 'client', parentSpanId: server.spanId, failed: false });
    }
    expect(attempt('slow').attributes).toMatchObject({
      'gateway.attempt.kind': 'first',
      'gateway.attempt.outcome': 'ignored',
      'error.type': 'cancelled',
    });
    expect(attempt('slow').events).toEqual([]);
    expect(attempt('fast').attributes).toMatchObject({
      'gateway.attempt.kind': 'hedge',
      'gateway.attempt.outcome': 'success',
      'gen_ai.usage.output_tokens': 5,
    });
    expect(attempt('fast').startNs).toBeGreaterThan(attempt('slow').startNs);
    // Each upstream was told the span of its own attempt.
    const parentSeenBy = ({ received }: ScriptedUpstream): unknown => received.at(-1)?.headers.traceparent;
    expect(parentSeenBy(slow)).toBe(`00-${traceId}-${attempt('slow').spanId}-01`);
    expect(parentSeenBy(fast)).toBe(`00-${traceId}-${attempt('fast').spanId}-01`);
  });
});
