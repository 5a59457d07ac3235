import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { OtlpReceiver, type ReceivedSpan } from '../support/otlp-receiver.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';
import { answers, refuses } from '../support/upstream-scripts.js';

const PROMPT = 'a prompt that no collector may see';
const ANSWER = 'an answer that no collector may see';
const ASK = { model: 'm', stream: true, messages: [{ role: 'user', content: PROMPT }] };
const CALLER = { trace: '4bf92f3577b34da6a3ce929d0e0e4736', span: '00f067aa0ba902b7' };
const sampled = `00-${CALLER.trace}-${CALLER.span}-01`;
const unsampled = `00-${CALLER.trace}-${CALLER.span}-00`;

let collector: OtlpReceiver;
let first: ScriptedUpstream;
let second: ScriptedUpstream;
let gateway: GatewayProcess;

async function startGateway(
  env: Readonly<Record<string, string>>,
  resilience: object = {},
  concurrency: object = {},
): Promise<void> {
  const provider = (name: string, { baseUrl }: ScriptedUpstream, weight: number): object => ({
    name,
    kind: 'openai',
    baseUrl,
    allowPrivate: true,
    weight,
    ...(weight === 0 && { concurrency }),
  });
  gateway = await GatewayProcess.start({
    env: { OTEL_BSP_SCHEDULE_DELAY: '20', ...env },
    config: {
      version: 1,
      auth: { anonymous: { enabled: true, models: ['*'] } },
      providers: [provider('first', first, 1), provider('second', second, 0)],
      models: [{ name: 'm', targets: ['first', 'second'].map((name) => ({ provider: name, model: `${name}-model` })) }],
      resilience: { shedding: { enabled: false }, drain: { delayMs: 0, timeoutMs: 1_000 }, ...resilience },
    },
  });
}

const traced = (more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
  ...more,
});

async function send(headers: Readonly<Record<string, string>> = {}): Promise<void> {
  const response = await gateway.post(ASK, headers);
  expect(response.status).toBe(200);
  await response.text();
}

async function spansOf(count: number): Promise<{ server: ReceivedSpan; clients: readonly ReceivedSpan[] }> {
  await gateway.until(() => collector.spans.length >= count);
  const { spans } = collector;
  return {
    server: spans.find(({ kind }) => kind === 'server')!,
    clients: spans.filter(({ kind }) => kind === 'client').sort((a, b) => Number(a.startNs - b.startNs)),
  };
}

const sentBy = ({ received }: ScriptedUpstream): unknown => received[0]?.headers.traceparent;

beforeEach(async () => {
  collector = await OtlpReceiver.start();
  first = await ScriptedUpstream.start(refuses(500));
  second = await ScriptedUpstream.start(answers(ANSWER));
});
afterEach(async () => {
  await Promise.all([gateway.stop(), collector.stop(), first.stop(), second.stop()]);
});

describe('a trace', () => {
  it('of a failover has one server span and two client spans, parents and attributes by the conventions', async () => {
    await startGateway(traced());
    await send({ traceparent: sampled, 'x-request-id': 'caller-1' });
    const { server, clients } = await spansOf(3);
    expect(collector.spans).toHaveLength(3);
    expect(server).toMatchObject({
      traceId: CALLER.trace,
      parentSpanId: CALLER.span,
      name: 'POST /v1/chat/completions',
      failed: false,
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/v1/chat/completions',
        'http.response.status_code': 200,
        'gen_ai.operation.name': 'chat',
        'gen_ai.request.model': 'm',
        'gen_ai.request.stream': true,
        'gen_ai.usage.output_tokens': 5,
        'gateway.request_id': 'caller-1',
        'gateway.attempts': 2,
      },
      events: [{ name: 'gateway.first_token' }],
    });
    expect(clients).toHaveLength(2);
    for (const client of clients) expect(client).toMatchObject({ traceId: CALLER.trace, parentSpanId: server.spanId });
    expect(clients[0]).toMatchObject({
      name: 'chat first-model',
      failed: true,
      attributes: {
        'gen_ai.provider.name': 'openai',
        'gen_ai.request.model': 'first-model',
        'gateway.provider': 'first',
        'gateway.attempt.kind': 'first',
        'gateway.attempt.outcome': 'fault',
        'error.type': 'server_error',
        'http.response.status_code': 500,
        'server.address': '127.0.0.1',
        'server.port': Number(new URL(first.baseUrl).port),
      },
      events: [],
    });
    expect(clients[1]).toMatchObject({
      name: 'chat second-model',
      failed: false,
      attributes: {
        'gateway.provider': 'second',
        'gateway.attempt.kind': 'failover',
        'gateway.attempt.outcome': 'success',
        'gen_ai.response.model': 'm',
        'gen_ai.response.finish_reasons': ['stop'],
        'gen_ai.response.time_to_first_chunk': expect.any(Number) as number,
        'gen_ai.usage.input_tokens': 3,
        'gen_ai.usage.output_tokens': 5,
      },
      events: [{ name: 'gateway.first_token' }],
    });
    expect(sentBy(first)).toBe(`00-${CALLER.trace}-${clients[0]!.spanId}-01`);
    expect(sentBy(second)).toBe(`00-${CALLER.trace}-${clients[1]!.spanId}-01`);
    for (const { startNs, endNs } of clients) {
      expect(startNs >= server.startNs && endNs <= server.endNs && endNs >= startNs).toBe(true);
    }
  });

  it('holds no text of the prompt or of the answer', async () => {
    await startGateway(traced());
    await send();
    await spansOf(3);
    const bytes = Buffer.concat(collector.bodies);
    for (const text of [PROMPT, ANSWER, 'said 500']) expect(bytes.includes(text)).toBe(false);
  });

  it('begins where the caller has none', async () => {
    await startGateway(traced());
    await send();
    const { server } = await spansOf(3);
    expect(server).toMatchObject({ parentSpanId: '', traceId: expect.stringMatching(/^[0-9a-f]{32}$/) as string });
  });

  it('shows the breaker that an attempt opened', async () => {
    await startGateway(traced(), { breaker: { consecutiveFaults: 1 } });
    await send();
    const { clients } = await spansOf(3);
    expect(clients[0]?.events).toEqual([
      {
        name: 'gateway.breaker',
        attributes: { 'breaker.from': 'closed', 'breaker.to': 'open', 'breaker.reason': 'consecutiveFaults' },
      },
    ]);
  });
});

describe('a request that waits for a place', () => {
  it('shows how long', async () => {
    second.script = answers(ANSWER, 50);
    await startGateway(traced(), { breaker: { enabled: false } }, { limiter: 'fixed', initial: 1, min: 1, max: 1 });
    await Promise.all([send(), send()]);
    await spansOf(6);
    const events = collector.spans.filter(({ kind }) => kind === 'server').flatMap((span) => span.events);
    expect(events.filter(({ name }) => name === 'gateway.queued')).toEqual([
      { name: 'gateway.queued', attributes: { 'gateway.queue.wait_ms': expect.any(Number) as number } },
    ]);
  });
});

describe('sampling', () => {
  it("follows the caller's decision, and tells it upstream", async () => {
    await startGateway(traced());
    await send({ traceparent: unsampled });
    await send({ traceparent: sampled });
    await spansOf(3);
    expect(collector.spans).toHaveLength(3);
    expect(sentBy(second)).toMatch(new RegExp(`^00-${CALLER.trace}-[0-9a-f]{16}-00$`));
  });

  it('follows OTEL_TRACES_SAMPLER where the caller decided nothing', async () => {
    await startGateway(traced({ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' }));
    for (let turn = 0; turn < 5; turn++) await send();
    await send({ traceparent: sampled });
    const { server } = await spansOf(2);
    expect(server.traceId).toBe(CALLER.trace);
    expect(collector.spans.filter(({ kind }) => kind === 'server')).toHaveLength(1);
  });
});

describe('without a collector', () => {
  it.each([
    ['none is named', {}],
    ['OTEL_SDK_DISABLED is set', { OTEL_SDK_DISABLED: 'true', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' }],
  ])("the caller's traceparent goes upstream as it is where %s", async (_why, env) => {
    await startGateway(env);
    await send({ traceparent: sampled });
    expect([sentBy(first), sentBy(second)]).toEqual([sampled, sampled]);
  });

  it('requests and the end of the process do not wait for one that hangs', async () => {
    await collector.stop();
    collector = await OtlpReceiver.start(true);
    await startGateway(traced({ OTEL_BSP_MAX_QUEUE_SIZE: '64', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '32' }));
    for (let turn = 0; turn < 20; turn++) await Promise.all(Array.from({ length: 10 }, () => send()));
    await gateway.until(() => collector.bodies.length > 0);
    const stopped = gateway.stop('SIGTERM');
    expect(await stopped).toBe(0);
    // Far more spans ended than the queue holds: what did not fit was dropped, not kept.
    expect(Buffer.concat(collector.bodies).length).toBeLessThan(64 * 1024);
  });
});
