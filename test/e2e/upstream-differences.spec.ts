import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { payloadsOf, readResponse } from '../support/http-response.js';
import { recordedAnswer, type RecordedServer, recordedExchange } from '../support/recorded-exchange.js';
import { replayConfig } from '../support/replay-config.js';
import { ReplayUpstream } from '../support/replay-upstream.js';

const ASK = { model: 'tiny', messages: [{ role: 'user', content: 'Hello' }] };
const SERVERS = ['vllm-0.32.0', 'llama-server'] as const;
const STREAM_HEAD =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n';

interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
  readonly payloads: readonly string[];
  readonly error: { readonly message: string; readonly code: string | null; readonly param: string | null } | undefined;
}

interface Chunk {
  readonly choices: readonly { readonly delta: Record<string, unknown>; readonly finish_reason: string | null }[];
  readonly usage?: unknown;
  readonly timings?: unknown;
  readonly error?: { readonly code: string };
}

/** Where engines differ, the gateway's callers must not notice, or notice only what cannot be hidden. */
describe('what engines do differently', () => {
  let upstream: ReplayUpstream;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    upstream = await ReplayUpstream.start();
    gateway = await GatewayProcess.start({ config: replayConfig(upstream.baseUrl) });
  });
  afterAll(async () => {
    await gateway.stop();
    await upstream.stop();
  });
  beforeEach(() => {
    upstream.received.length = 0;
  });

  function plays(bytes: Buffer | string, then: 'open' | 'fin' = 'open', pieceBytes?: number): void {
    upstream.replay = { bytes: Buffer.from(bytes), then, ...(pieceBytes !== undefined && { pieceBytes }) };
  }

  function playsRecorded(server: RecordedServer, name: string, then: 'open' | 'fin' = 'open'): void {
    plays(recordedAnswer(server, name), then);
  }

  async function ask(more: object = {}, headers: Readonly<Record<string, string>> = {}): Promise<Told> {
    const response = await gateway.post({ ...ASK, ...more }, headers);
    const body = await response.text();
    const isStream = response.headers.get('content-type')!.startsWith('text/event-stream');
    return {
      status: response.status,
      headers: response.headers,
      body,
      payloads: isStream ? payloadsOf(Buffer.from(body)) : [],
      error: isStream ? undefined : (JSON.parse(body) as { error?: Told['error'] }).error,
    };
  }

  const chunks = ({ payloads }: Told): Chunk[] =>
    payloads.filter((payload) => payload !== '[DONE]').map((payload) => JSON.parse(payload) as Chunk);

  /** A stream that broke: one error event at its end, and no [DONE]. */
  function expectBroken(told: Told, code: string): void {
    expect(told.status).toBe(200);
    expect(told.payloads.filter((payload) => payload.startsWith('{"error"'))).toHaveLength(1);
    expect(JSON.parse(told.payloads.at(-1)!)).toMatchObject({ error: { type: 'server_error', code } });
    expect(told.payloads).not.toContain('[DONE]');
  }

  it('unknown model: a 404 of the engine is the configuration of the gateway, not of its caller', async () => {
    playsRecorded('vllm-0.32.0', 'bad_model');
    const told = await ask();
    expect([told.status, told.error?.code]).toEqual([502, 'upstream_configuration']);
    expect(told.body).not.toContain('tiny-alias');
  });

  it("unknown model: an engine that answers under its own name is passed on, and asked by the target's name", async () => {
    playsRecorded('llama-server', 'bad_model');
    const told = await ask({ model: 'tiny-alias' });
    expect([told.status, JSON.parse(told.body)]).toMatchObject([200, { model: 'tiny' }]);
    expect(JSON.parse(upstream.received[0]!.body.toString())).toMatchObject({ model: 'tiny' });
  });

  it.each(SERVERS)('error code as a number (%s): leaves as a string', async (server) => {
    playsRecorded(server, 'top_logprobs_without_logprobs');
    expect((await ask()).error).toMatchObject({ code: '400', type: expect.any(String) as string });
  });

  it('error without param: leaves with null', async () => {
    playsRecorded('llama-server', 'top_logprobs_without_logprobs');
    expect((await ask()).error?.param).toBeNull();
  });

  it('error as FastAPI says it, {"detail": …}: leaves as an error object', async () => {
    playsRecorded('vllm-0.32.0', 'invalid_utf8');
    const told = await ask();
    expect([told.status, told.error]).toMatchObject([
      400,
      { message: 'There was an error parsing the body', type: 'invalid_request_error', param: null, code: null },
    ]);
  });

  it.each([
    ['vllm-0.32.0', 'unknown_path'],
    ['vllm-0.32.0', 'wrong_method_get'],
    ['llama-server', 'wrong_method_get'],
  ] as const)("router errors (%s, %s): the gateway's own configuration", async (server, name) => {
    playsRecorded(server, name);
    const told = await ask();
    expect([told.status, told.error?.code]).toEqual([502, 'upstream_configuration']);
  });

  it.each([
    '{"error":"Unauthorized"}',
    '{"error":{"message":"Invalid API Key","type":"authentication_error","code":401}}',
  ])('401 %s: never looks like a wrong key of the caller', async (body) => {
    plays(
      `HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    const told = await ask();
    expect([told.status, told.error?.code]).toEqual([502, 'upstream_configuration']);
    expect(told.headers.get('www-authenticate')).toBeNull();
    expect(told.body).not.toMatch(/Unauthorized|Invalid API Key/);
  });

  it('400 whose error is a string: leaves as an error object', async () => {
    const body = '{"error":"prompt refused"}';
    plays(`HTTP/1.1 422 Unprocessable Entity\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    const told = await ask();
    expect([told.status, told.error]).toMatchObject([422, { message: 'prompt refused', code: null }]);
  });

  it('500 in plain text: a 502', async () => {
    plays(
      'HTTP/1.1 500 Internal Server Error\r\ncontent-type: text/plain\r\ncontent-length: 21\r\n\r\nInternal Server Error',
    );
    const told = await ask();
    expect([told.status, told.error?.code]).toEqual([502, 'upstream_error']);
  });

  it.each([
    ['an error with a 200', '{"error":{"message":"engine is dead","code":500}}', 502, 'upstream_error'],
    ['an error of the caller with a 200', '{"error":{"message":"bad","code":400}}', 400, '400'],
    ['a string as error with a 200', '{"error":"Unauthorized"}', 502, 'upstream_error'],
    ['detail with a 200', '{"detail":"Not Found"}', 502, 'upstream_error'],
    ['nothing at all', '', 502, 'upstream_error'],
  ])('%s: is no answer', async (_what, body, status, code) => {
    plays(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    for (const stream of [false, true]) {
      const told = await ask({ stream });
      expect([told.status, told.error?.code]).toEqual([status, code]);
    }
  });

  it.each([
    ['vllm-0.32.0', 'input_tokens'],
    ['llama-server', null],
  ] as const)('context too long (%s): one code for all, in both modes', async (server, param) => {
    for (const [name, stream] of [
      ['context_length', false],
      ['context_length_stream', true],
    ] as const) {
      playsRecorded(server, name, 'fin');
      const told = await ask({ stream });
      expect([told.status, told.error]).toMatchObject([400, { code: 'context_length_exceeded', param }]);
    }
  });

  it('a stream without a single event: a 502, for nothing was sent yet', async () => {
    plays(`${STREAM_HEAD}0\r\n\r\n`);
    const told = await ask({ stream: true });
    expect([told.status, told.error?.code]).toEqual([502, 'upstream_error']);
  });

  it.each([
    ['numbers as strings', { max_tokens: '5' }, 'max_tokens'],
    ['a flag as a string', { stream: 'true' }, 'stream'],
    ['temperature above 2', { temperature: 3 }, 'temperature'],
    ['top_p above 1', { top_p: 2 }, 'top_p'],
    ['max_tokens 0', { max_tokens: 0 }, 'max_tokens'],
    ['max_tokens -1', { max_tokens: -1 }, 'max_tokens'],
    ['no model', { model: null }, 'model'],
  ])('%s: refused before any engine makes its own sense of it', async (_what, more, param) => {
    const told = await ask(more);
    expect([told.status, told.error?.code, told.error?.param]).toEqual([400, 'invalid_value', param]);
    expect(upstream.received).toEqual([]);
  });

  it.each([
    ['nulls', { temperature: null, stream: null, stop: null, user: null }],
    ['stream_options without stream', { stream_options: { include_usage: true } }],
    ['tool_choice without tools', { tool_choice: 'auto' }],
    ['a large max_tokens', { max_tokens: 1_000_000_000 }],
    ['json_schema', { response_format: { type: 'json_schema', json_schema: { name: 'x', schema: {} } } }],
    ['members that only one engine knows', { guided_regex: 'a+', top_k: 4, chat_template_kwargs: { thinking: false } }],
  ])('%s: left to the engine, byte for byte', async (_what, more) => {
    playsRecorded('llama-server', 'nonstream');
    expect((await ask(more)).status).toBe(200);
    expect(upstream.received[0]!.body.toString()).toBe(JSON.stringify({ ...ASK, ...more }));
  });

  it.each(SERVERS)('usage at the end of a stream (%s): only for callers that asked', async (server) => {
    const all = payloadsOf(recordedExchange(server, 'stream_usage').response.body);
    playsRecorded(server, 'stream_usage');
    const asked = await ask({ stream: true, stream_options: { include_usage: true } });
    expect(asked.payloads).toEqual(all);
    expect(chunks(asked).at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 10 } });
    const unasked = await ask({ stream: true });
    expect(unasked.payloads).toEqual(all.filter((payload) => !payload.includes('"choices":[]')));
    for (const { body } of upstream.received) {
      expect(JSON.parse(body.toString())).toMatchObject({ stream_options: { include_usage: true } });
    }
  });

  it("usage among an engine's own members: timings pass with the chunk that carries them", async () => {
    playsRecorded('llama-server', 'stream');
    expect(chunks(await ask({ stream: true })).some(({ timings }) => timings !== undefined)).toBe(true);
  });

  it.each(SERVERS)(
    'usage with n = 2 (%s): the stream ends after both choices, its usage chunks as asked',
    async (server) => {
      const all = payloadsOf(recordedExchange(server, 'stream_n2').response.body);
      playsRecorded(server, 'stream_n2');
      const asked = await ask({ stream: true, n: 2, stream_options: { include_usage: true } });
      expect(asked.payloads).toEqual(all);
      const unasked = await ask({ stream: true, n: 2 });
      expect(unasked.payloads).toEqual(all.filter((payload) => !payload.includes('"choices":[]')));
      expect(unasked.payloads.at(-1)).toBe('[DONE]');
    },
  );

  it('usage on every chunk: passes with the content that it rides on', async () => {
    playsRecorded('vllm-0.32.0', 'stream_continuous_usage_ext');
    const told = await ask({ stream: true });
    const content = chunks(told).map(({ choices }) => (choices[0]?.delta.content ?? '') as string);
    expect(content.join('')).toBe('Hello! How can I help you today?');
    expect(chunks(told).every(({ choices }) => choices.length > 0)).toBe(true);
  });

  it('usage never told: the stream is complete without', async () => {
    playsRecorded('vllm-0.32.0', 'stream');
    const told = await ask({ stream: true, stream_options: { include_usage: true } });
    expect([told.payloads.at(-1), chunks(told).some(({ usage }) => usage)]).toEqual(['[DONE]', false]);
  });

  it.each([
    ['role and content ""', 'vllm-0.32.0', { role: 'assistant', content: '' }],
    ['role and content null', 'llama-server', { role: 'assistant', content: null }],
  ] as const)('first delta with %s: kept, and held back with the first content', async (_what, server, delta) => {
    playsRecorded(server, 'stream');
    expect(chunks(await ask({ stream: true }))[0]!.choices[0]!.delta).toEqual(delta);
  });

  it.each(SERVERS)('events per HTTP chunk (%s): the same events, however their bytes are cut', async (server) => {
    const exchange = recordedExchange(server, 'stream_tools_auto');
    for (const pieceBytes of [1, 7, 64]) {
      plays(exchange.responseBytes, 'open', pieceBytes);
      expect((await ask({ stream: true })).payloads).toEqual(payloadsOf(exchange.response.body));
    }
  });

  it.each(SERVERS)(
    'tool calls (%s): the deltas are content enough to begin with, and end with tool_calls',
    async (server) => {
      playsRecorded(server, 'stream_tools_required');
      const deltas = chunks(await ask({ stream: true })).flatMap(({ choices }) => choices);
      const calls = deltas.flatMap(({ delta }) => (delta.tool_calls ?? []) as { function: Record<string, string> }[]);
      const [first] = calls;
      expect(first).toMatchObject({ id: expect.any(String) as string, type: 'function', index: 0 });
      const text = calls.map(({ function: called }) => called.arguments ?? '').join('');
      expect(JSON.parse(text)).toBeTypeOf('object');
      expect(deltas.map(({ finish_reason: reason }) => reason).filter(Boolean)).toEqual(['tool_calls']);
    },
  );

  it.each(SERVERS)('a named tool, and tools as plain text (%s): passed as they are', async (server) => {
    for (const name of ['tools_named', 'tools_none']) {
      playsRecorded(server, name);
      expect((await ask()).body).toBe(recordedExchange(server, name).response.body.toString());
    }
  });

  it.each(SERVERS)('log probabilities (%s): passed as they are, plain and streamed', async (server) => {
    playsRecorded(server, 'logprobs');
    expect((await ask()).body).toBe(recordedExchange(server, 'logprobs').response.body.toString());
    playsRecorded(server, 'stream_logprobs');
    const streamed = await ask({ stream: true });
    expect(streamed.payloads).toEqual(payloadsOf(recordedExchange(server, 'stream_logprobs').response.body));
  });

  it.each([
    ['tiny', /^x-request-id: my-own-id\r$/m],
    ['tiny-uuid', /^x-request-id: [0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\r$/m],
  ])('X-Request-ID as %s wants it; the caller gets its own back', async (model, header) => {
    playsRecorded('vllm-0.32.0', 'request_id_header');
    const told = await ask({ model }, { 'x-request-id': 'my-own-id' });
    expect(told.headers.get('x-request-id')).toBe('my-own-id');
    expect(upstream.received[0]!.head).toMatch(header);
  });

  it('X-Request-ID for an engine that takes none is not sent', async () => {
    playsRecorded('vllm-0.32.0', 'nonstream');
    await ask({ model: 'tiny-no-id' });
    expect(upstream.received[0]!.head).not.toMatch(/x-request-id/i);
  });

  it("an engine's own headers: none of them reaches the caller", async () => {
    playsRecorded('llama-server', 'nonstream');
    const { headers } = await ask();
    for (const name of ['server', 'access-control-allow-origin', 'vary']) expect(headers.get(name)).toBeNull();
    expect(headers.get('keep-alive')).not.toBe('timeout=5, max=100');
    playsRecorded('llama-server', 'top_logprobs_without_logprobs', 'fin');
    expect((await ask()).headers.get('connection')).toBe('keep-alive');
  });

  it('the credential is sent as `Bearer`, which engines that want its case exact take', async () => {
    playsRecorded('llama-server', 'nonstream');
    await ask();
    expect(upstream.received[0]!.head).toMatch(/^authorization: Bearer engine-secret\r$/m);
  });

  it('a redirect (trailing slash): not followed', async () => {
    playsRecorded('vllm-0.32.0', 'trailing_slash');
    const told = await ask();
    expect([told.status, told.headers.get('location'), upstream.received.length]).toEqual([502, null, 1]);
  });

  it('bodies are never asked for compressed', async () => {
    playsRecorded('vllm-0.32.0', 'nonstream');
    await ask({}, { 'accept-encoding': 'gzip' });
    expect(upstream.received[0]!.head).toMatch(/^accept-encoding: identity\r$/m);
  });

  it.each(['overload_queue_full', 'overload_queue_full_stream_sample'])(
    'queue full (%s): a 503 without Retry-After is a fault',
    async (name) => {
      playsRecorded('vllm-0.32.0', name);
      const told = await ask({ stream: name.includes('stream') });
      expect([told.status, told.error?.code]).toEqual([502, 'upstream_error']);
    },
  );

  it('engine killed behind a living API: an error event and [DONE] from it are one error event from us', async () => {
    playsRecorded('vllm-0.32.0', 'DEATH-enginecore-sigkill');
    const told = await ask({ stream: true });
    expectBroken(told, 'upstream_error');
    const { body } = readResponse(recordedAnswer('vllm-0.32.0', 'DEATH-enginecore-sigkill'), true)!.response;
    expect(told.payloads.slice(0, -1)).toEqual(payloadsOf(body).slice(0, -2));
    expect(told.body).not.toContain('EngineCore');
    expect(told.headers.get('x-request-id')).not.toBe('539e3b2b83e848a987ce4fd4ad7e75ae');
  });

  it.each([
    ['SIGTERM', 'vllm-0.32.0', 'DEATH-sigterm'],
    ['SIGTERM', 'llama-server', 'DEATH-sigterm'],
    ['SIGSTOP', 'llama-server', 'DEATH-sigstop'],
  ] as const)(
    '%s of %s in mid-stream: silence on an open connection ends after the idle timeout',
    async (_signal, server, name) => {
      playsRecorded(server, name, 'open');
      expectBroken(await ask({ stream: true }), 'upstream_timeout');
    },
  );

  it('SIGKILL in mid-stream: a connection that ends without the last chunk is a broken stream', async () => {
    playsRecorded('llama-server', 'DEATH-sigkill', 'fin');
    expectBroken(await ask({ stream: true }), 'upstream_error');
  });

  it('a stream that another request cut short: [DONE] without a finish_reason is no end', async () => {
    const events = payloadsOf(recordedExchange('vllm-0.32.0', 'stream').response.body).slice(0, 4);
    const cut = [...events, '[DONE]'].map((payload) => `data: ${payload}\n\n`);
    plays(STREAM_HEAD + cut.map((event) => `${event.length.toString(16)}\r\n${event}\r\n`).join(''), 'fin');
    const told = await ask({ stream: true });
    expectBroken(told, 'upstream_error');
    expect(told.payloads.slice(0, -1)).toEqual(events);
  });
});
