import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { type HttpResponse, payloadsOf } from '../support/http-response.js';
import { OpenAiSchema } from '../support/openai-schema.js';
import { RawConnection } from '../support/raw-connection.js';
import { type RecordedExchange, recordedExchanges, type RecordedServer } from '../support/recorded-exchange.js';
import { ReplayUpstream } from '../support/replay-upstream.js';
import { replayConfig } from '../support/replay-config.js';

const INVALID_JSON = [400, 'invalid_json', null] as const;
const MEDIA_TYPE = [415, 'unsupported_media_type', null] as const;
const UNKNOWN_MODEL = [404, 'model_not_found', 'model'] as const;
const invalid = (param: string) => [400, 'invalid_value', param] as const;

/** Recorded requests that the gateway refuses itself: status, code and param; no engine sees them. */
const REFUSED: Readonly<Record<string, readonly [number, string, string | null]>> = {
  malformed_json: INVALID_JSON,
  empty_body: INVALID_JSON,
  array_body: INVALID_JSON,
  invalid_utf8: INVALID_JSON,
  nan_literal: INVALID_JSON,
  duplicate_keys: invalid('model'),
  gzip_request: MEDIA_TYPE,
  wrong_content_type: MEDIA_TYPE,
  no_content_type: MEDIA_TYPE,
  bad_model: UNKNOWN_MODEL,
  bad_model_stream: UNKNOWN_MODEL,
  no_model: invalid('model'),
  empty_model: invalid('model'),
  null_model: invalid('model'),
  no_messages: invalid('messages'),
  empty_messages: invalid('messages'),
  messages_string: invalid('messages'),
  bad_role: invalid('messages[0].role'),
  bad_temperature: invalid('temperature'),
  bad_temperature_type: invalid('temperature'),
  bad_param_stream: invalid('temperature'),
  bad_top_p: invalid('top_p'),
  bad_n: invalid('n'),
  big_n: invalid('n'),
  max_tokens_0: invalid('max_tokens'),
  max_tokens_neg: invalid('max_tokens'),
  max_tokens_string: invalid('max_tokens'),
  stream_string_true: invalid('stream'),
  response_format_bad: invalid('response_format.type'),
  wrong_method_get: [405, 'method_not_allowed', null],
  wrong_method_put: [405, 'method_not_allowed', null],
  options_preflight: [405, 'method_not_allowed', null],
  no_v1_prefix: [404, 'not_found', null],
  trailing_slash: [404, 'not_found', null],
};

interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string | null;
  };
}

const schema = OpenAiSchema.find();

describe.each(['vllm-0.32.0', 'llama-server'] as const)('every exchange recorded with %s', (server: RecordedServer) => {
  const exchanges = recordedExchanges(server, /^\S+ (\/v1)?\/chat\/completions[/?]?\S* /);
  const told: { readonly name: string; readonly problems: readonly string[] }[] = [];
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

  /** Sends the recorded request as it was sent then, and has the recorded answer replayed. */
  async function replay({ name, requestBytes, responseBytes, response }: RecordedExchange): Promise<HttpResponse> {
    upstream.received.length = 0;
    upstream.replay = { bytes: responseBytes, then: response.headers.connection === 'close' ? 'fin' : 'open' };
    const connection = await RawConnection.open(gateway.publicUrl);
    try {
      let answer = await connection.send(requestBytes).answer();
      if (answer.status === 100) answer = await connection.answer();
      expect(answer.complete).toBe(true);
      expect(answer.headers['x-request-id']).toMatch(/^[\w.-]{1,128}$/);
      if (schema) told.push({ name, problems: problemsOf(schema, answer) });
      return answer;
    } finally {
      connection.destroy();
    }
  }

  const refused = exchanges.filter(({ name }) => name in REFUSED);
  const forwarded = exchanges.filter(({ name }) => !(name in REFUSED));
  const answered = forwarded.filter(({ response }) => response.status === 200);
  const streamed = answered.filter(({ response }) => isStream(response));
  const plain = answered.filter(({ response }) => !isStream(response));
  const rejected = forwarded.filter(({ response }) => response.status === 400);
  const failed = forwarded.filter(({ response }) => response.status >= 500);

  it('is one that these tests know what to make of', () => {
    expect(exchanges.length).toBeGreaterThan(70);
    expect(refused.map(({ name }) => name).sort()).toEqual(Object.keys(REFUSED).sort());
    expect(streamed.length + plain.length + rejected.length + failed.length).toBe(forwarded.length);
  });

  it.each(refused)('$name is refused by the gateway itself', async (exchange) => {
    const [status, code, param] = REFUSED[exchange.name]!;
    const answer = await replay(exchange);
    expect([answer.status, errorOf(answer)]).toMatchObject([status, { type: 'invalid_request_error', code, param }]);
    expect(upstream.received).toEqual([]);
  });

  it.each(plain)('$name: the answer leaves as it came', async (exchange) => {
    const answer = await replay(exchange);
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/json; charset=utf-8']);
    expect(answer.body.toString()).toBe(exchange.response.body.toString());
  });

  it.each(streamed)('$name: the same events, newly framed, then [DONE]', async (exchange) => {
    const answer = await replay(exchange);
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/event-stream; charset=utf-8']);
    expect(answer.body.toString()).toMatch(/^(?:data: [^\n]+\n\n)+$/);
    expect(payloadsOf(answer.body)).toEqual(payloadsOf(exchange.response.body));
    expect(payloadsOf(answer.body).at(-1)).toBe('[DONE]');
  });

  it.each(rejected)("$name: the engine's refusal is told in OpenAI's shape, with the same status", async (exchange) => {
    const theirs = errorOf(exchange.response);
    const answer = await replay(exchange);
    expect([answer.status, answer.headers['x-should-retry']]).toEqual([400, 'false']);
    const tooLong = /context (length|size)/.test(theirs.message);
    const code = tooLong ? 'context_length_exceeded' : '400';
    expect(errorOf(answer)).toMatchObject({ message: theirs.message, param: theirs.param ?? null, code });
  });

  it.each(failed)("$name: the engine's fault is a 502", async (exchange) => {
    const answer = await replay(exchange);
    expect([answer.status, errorOf(answer)]).toMatchObject([502, { type: 'server_error', code: 'upstream_error' }]);
    expect(answer.body.toString()).not.toContain(errorOf(exchange.response).message);
  });

  it.each(forwarded)('$name: the engine gets the request byte for byte, but for what must be set', async (exchange) => {
    await replay(exchange);
    const body = unchunked(exchange);
    const [received] = upstream.received;
    const sent = received!.body.toString();
    const { stream } = JSON.parse(body) as { stream?: boolean };
    if (stream !== true && !body.includes('"max_completion_tokens"')) expect(sent).toBe(body);
    else expect({ ...JSON.parse(sent), ...FREE }).toEqual({ ...JSON.parse(body), ...FREE });
    if (stream === true) expect(JSON.parse(sent)).toMatchObject({ stream_options: { include_usage: true } });
  });

  it("was answered as OpenAI's API description has it, nulls aside", (test) => {
    if (!schema) test.skip('skipped: openai-chat.schema.json is not on this machine');
    expect(told.length).toBeGreaterThan(70);
    expect(schema!.problems('ErrorResponse', { error: { message: 'm', type: 't', code: 400 } })).not.toEqual([]);
    expect(told.filter(({ problems }) => problems.length > 0)).toEqual([]);
  });
});

/** What the gateway sets itself. */
const FREE = { stream_options: null, max_tokens: null, max_completion_tokens: null };

function isStream({ headers }: HttpResponse): boolean {
  return headers['content-type']?.startsWith('text/event-stream') === true;
}

function errorOf({ body }: HttpResponse): ErrorBody['error'] {
  return (JSON.parse(body.toString()) as ErrorBody).error;
}

function unchunked({ requestBytes, requestBody }: RecordedExchange): string {
  const text = requestBody.toString();
  if (!/transfer-encoding: chunked/i.test(requestBytes.toString('latin1'))) return text;
  return text.replaceAll(/(?:^|\r\n)[0-9a-f]+\r\n/g, '').replace(/\r\n$/, '');
}

function problemsOf(openai: OpenAiSchema, answer: HttpResponse): readonly string[] {
  if (answer.status !== 200) return openai.problems('ErrorResponse', JSON.parse(answer.body.toString()));
  if (!isStream(answer)) return openai.problems('CreateChatCompletionResponse', JSON.parse(answer.body.toString()));
  return payloadsOf(answer.body)
    .filter((payload) => payload !== '[DONE]')
    .flatMap((payload) => openai.problems('CreateChatCompletionStreamResponse', JSON.parse(payload)));
}
