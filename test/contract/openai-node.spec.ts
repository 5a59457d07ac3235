import OpenAI, {
  APIError,
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
} from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { SdkLab, WEATHER_TOOL } from '../support/sdk-lab.js';

const HELLO = { model: 'mock-model', messages: [{ role: 'user' as const, content: 'Hello, world!' }] };
const TOOLS = { ...HELLO, tools: [WEATHER_TOOL as unknown as OpenAI.ChatCompletionTool] };

/** A client, and how many requests it sent. */
function clientOf(baseURL: string, options: { apiKey?: string; maxRetries?: number } = {}) {
  const sent = { requests: 0 };
  const openai = new OpenAI({
    baseURL,
    apiKey: 'any-key',
    maxRetries: 0,
    ...options,
    fetch: (url, init) => {
      sent.requests++;
      return fetch(url, init);
    },
  });
  return { openai, sent };
}

/** The error that a call ends with. */
async function errorOf(call: PromiseLike<unknown>): Promise<APIError> {
  const error: unknown = await Promise.resolve(call).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(APIError);
  return error as APIError;
}

describe('openai for Node, against the zero-configuration gateway', () => {
  let gateway: GatewayProcess;
  let openai: OpenAI;

  beforeAll(async () => {
    gateway = await GatewayProcess.start();
    openai = clientOf(`${gateway.publicUrl}/v1`).openai;
  });
  afterAll(() => gateway.stop());

  it('lists the models, and finds one', async () => {
    const models = await openai.models.list();
    expect(models.data.map(({ id }) => id)).toEqual(['gpt-3.5-turbo', 'gpt-4o-mini', 'mock-model']);
    expect(await openai.models.retrieve('gpt-4o-mini')).toMatchObject({ id: 'gpt-4o-mini', object: 'model' });
    expect(await errorOf(openai.models.retrieve('none'))).toBeInstanceOf(NotFoundError);
  });

  it('gets the same text plainly and as a stream', async () => {
    const pinned = { headers: { 'x-provider-priority': 'mock_openai' } };
    const plain = await openai.chat.completions.create({ ...HELLO, model: 'gpt-3.5-turbo' }, pinned);
    const stream = await openai.chat.completions.create({ ...HELLO, model: 'gpt-3.5-turbo', stream: true }, pinned);
    let text = '';
    for await (const { choices } of stream) text += choices[0]?.delta.content ?? '';
    expect(text).toMatch(/^Hello!/);
    expect(plain.choices[0]!.message.content).toBe(text);
  });
});

describe('openai for Node, against a gateway before real upstreams', () => {
  let lab: SdkLab;
  let openai: OpenAI;

  beforeAll(async () => {
    lab = await SdkLab.start();
    openai = clientOf(lab.baseURL).openai;
  });
  afterAll(() => lab.stop());

  it('gets a plain answer, its usage and its request id', async () => {
    const answer = await openai.chat.completions.create(HELLO, { headers: { 'x-request-id': 'sdk-1' } });
    expect(answer.choices[0]).toMatchObject({ finish_reason: 'stop', message: { role: 'assistant' } });
    expect(answer.usage?.completion_tokens).toBe(8);
    expect(answer._request_id).toBe('sdk-1');
    expect(await lab.gateway.ledger('sdk-1')).toMatchObject({ status: 200, provider: 'simulated' });
  });

  it('gets a request id of the gateway where it sends none', async () => {
    const { _request_id } = await openai.chat.completions.create(HELLO);
    expect(_request_id).toMatch(/^req_[0-9A-Z]{26}$/);
  });

  it('reads a stream, without usage unless it asked', async () => {
    const chunks: OpenAI.ChatCompletionChunk[] = [];
    for await (const chunk of await openai.chat.completions.create({ ...HELLO, stream: true })) chunks.push(chunk);
    expect(chunks.map(({ choices }) => choices[0]!.delta.content ?? '').join('')).toMatch(/^Hello!/);
    expect(chunks.at(-1)!.choices[0]!.finish_reason).toBe('stop');
    expect(chunks.filter(({ usage }) => usage)).toEqual([]);
  });

  it('gets usage at the end of a stream where it asked', async () => {
    const options = { stream: true, stream_options: { include_usage: true } } as const;
    const chunks: OpenAI.ChatCompletionChunk[] = [];
    for await (const chunk of await openai.chat.completions.create({ ...HELLO, ...options })) chunks.push(chunk);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 8 } });
    expect(chunks.slice(0, -1).filter(({ usage }) => usage)).toEqual([]);
  });

  it('gets tool calls plainly and as a stream', async () => {
    const plain = await openai.chat.completions.create(TOOLS);
    const streamed = await openai.chat.completions.stream(TOOLS).finalChatCompletion();
    for (const { choices } of [plain, streamed]) {
      const called = { type: 'function', function: { name: 'get_weather', arguments: '{"city":"Paris"}' } };
      expect(choices[0]).toMatchObject({ finish_reason: 'tool_calls', message: { tool_calls: [called] } });
    }
  });

  it('ends the work upstream when it aborts a stream', async () => {
    const held = lab.held();
    const stream = await openai.chat.completions.create({ ...HELLO, model: 'held', stream: true });
    for await (const chunk of stream) {
      expect(chunk.choices[0]!.delta.content).toBe('Hello!');
      break;
    }
    await (
      await held
    ).aborted;
  });

  it('ends the work upstream when it aborts a plain request', async () => {
    const held = lab.held();
    const abort = new AbortController();
    const call = openai.chat.completions.create({ ...HELLO, model: 'held' }, { signal: abort.signal });
    const { aborted } = await held;
    abort.abort();
    expect(await errorOf(call)).toBeInstanceOf(APIUserAbortError);
    await aborted;
  });

  it('raises BadRequestError with the member at fault', async () => {
    const error = await errorOf(openai.chat.completions.create({ ...HELLO, temperature: 3 }));
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error).toMatchObject({ status: 400, param: 'temperature', type: 'invalid_request_error' });
    expect(error.requestID).toMatch(/^req_/);
  });

  it('raises BadRequestError in the words of the upstream that refused', async () => {
    const tooLong = await errorOf(openai.chat.completions.create({ ...HELLO, model: 'too-long' }));
    expect(tooLong).toBeInstanceOf(BadRequestError);
    expect(tooLong).toMatchObject({ code: 'context_length_exceeded' });
    expect(tooLong.message).toContain('maximum context length');
    const refused = await errorOf(openai.chat.completions.create({ ...HELLO, model: 'refused' }));
    expect(refused).toMatchObject({ status: 400, code: 'content_policy_violation' });
  });

  it('raises NotFoundError for an unknown model', async () => {
    const error = await errorOf(openai.chat.completions.create({ ...HELLO, model: 'none' }));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' });
  });

  it('raises NotFoundError for an API that the gateway does not have', async () => {
    const error = await errorOf(openai.embeddings.create({ model: 'mock-model', input: 'Hi' }));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error.code).toBe('not_found');
  });

  it.each([false, true])('raises InternalServerError when the upstreams fail (stream: %s)', async (stream) => {
    const error = await errorOf(openai.chat.completions.create({ ...HELLO, model: 'failing', stream }));
    expect(error).toBeInstanceOf(InternalServerError);
    expect(error).toMatchObject({ status: 502, code: 'upstream_error', type: 'server_error' });
  });

  it('raises APIError for a stream that breaks after its first content', async () => {
    let text = '';
    const read = async () => {
      const stream = await openai.chat.completions.create({ ...HELLO, model: 'cut', stream: true });
      for await (const { choices } of stream) text += choices[0]?.delta.content ?? '';
    };
    expect(await errorOf(read())).toMatchObject({ code: 'upstream_error', type: 'server_error' });
    expect(text).toMatch(/^Hello!( \w+){2}$/);
  });

  it('does not repeat what the gateway says is not worth repeating', async () => {
    const patient = clientOf(lab.baseURL, { maxRetries: 2 });
    const error = await errorOf(patient.openai.chat.completions.create({ ...HELLO, model: 'refused' }));
    expect(error.headers?.get('x-should-retry')).toBe('false');
    expect(patient.sent.requests).toBe(1);
  });

  it('repeats what may be better next time', async () => {
    const patient = clientOf(lab.baseURL, { maxRetries: 1 });
    const error = await errorOf(patient.openai.chat.completions.create({ ...HELLO, model: 'failing' }));
    expect(error.headers?.get('x-should-retry')).toBeNull();
    expect(patient.sent.requests).toBe(2);
  });
});

describe('openai for Node, against a gateway that wants a key', () => {
  let gateway: GatewayProcess;

  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      config: {
        version: 1,
        auth: { anonymous: { enabled: false }, keys: [{ id: 'team-a', secret: 'sk-contract-team-a-0123456789' }] },
        providers: [{ name: 'mock', kind: 'simulated' }],
        models: [{ name: 'mock-model', targets: [{ provider: 'mock', model: 'mock-model' }] }],
      },
    });
  });
  afterAll(() => gateway.stop());

  it('raises AuthenticationError for a wrong key, once', async () => {
    const { openai, sent } = clientOf(`${gateway.publicUrl}/v1`, { apiKey: 'sk-wrong', maxRetries: 2 });
    const error = await errorOf(openai.chat.completions.create(HELLO));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({ status: 401, code: 'invalid_api_key' });
    expect(sent.requests).toBe(1);
    expect(await errorOf(openai.models.list())).toBeInstanceOf(AuthenticationError);
  });
});
