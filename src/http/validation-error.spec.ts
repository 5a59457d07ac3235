import fastify from 'fastify';
import { afterAll, describe, expect, it } from 'vitest';
import { chatRequestJsonSchema } from '../kernel/openai.js';
import { toGatewayError } from './error-answer.js';
import { validatorSchema } from './validator-schema.js';

const user = { role: 'user', content: 'Hi' };
const base = { model: 'mock-model', messages: [user] };

describe('a chat request that the compiled schema refuses', () => {
  const server = fastify({
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, strict: false } },
  });
  server.post('/', { schema: { body: validatorSchema(chatRequestJsonSchema) } }, () => ({}));
  server.setErrorHandler((error, _request, reply) => {
    const told = toGatewayError(error);
    void reply.code(told.status).send(told.toObject());
  });
  afterAll(() => server.close());

  const post = async (body: object) => {
    const response = await server.inject({ method: 'POST', url: '/', payload: body });
    return { status: response.statusCode, ...response.json<{ param?: string; message?: string; code?: string }>() };
  };

  it.each([
    [{ messages: [user] }, 'model'],
    [{ model: 'mock-model' }, 'messages'],
    [{ ...base, model: '' }, 'model'],
    [{ ...base, messages: [] }, 'messages'],
    [{ ...base, messages: [user, { role: 'wizard', content: '' }] }, 'messages[1].role'],
    [{ ...base, messages: [{ content: 'Hi' }] }, 'messages[0].role'],
    [{ ...base, temperature: 3 }, 'temperature'],
    [{ ...base, temperature: 'hot' }, 'temperature'],
    [{ ...base, stream: 'true' }, 'stream'],
    [{ ...base, n: 0 }, 'n'],
    [{ ...base, max_tokens: 1.5 }, 'max_tokens'],
    [{ ...base, top_logprobs: 21 }, 'top_logprobs'],
    [{ ...base, reasoning_effort: 'huge' }, 'reasoning_effort'],
    [{ ...base, tools: [{}] }, 'tools[0].type'],
  ])('%j names %s', async (body, param) => {
    const told = await post(body);
    expect(told).toMatchObject({ status: 400, code: 'invalid_value', param });
    expect(told.message).toContain(`'${param}'`);
  });

  it('says which values there are', async () => {
    const { message } = await post({ ...base, reasoning_effort: 'huge' });
    expect(message).toContain('none, minimal, low, medium, high');
    expect(message).not.toContain('null');
  });

  it.each([
    { temperature: null, stream: null, tools: null, reasoning_effort: null, stop: null },
    { stop: ['a', 'b'], seed: -5, temperature: 0, metadata: { a: 'b' } },
    { top_k: 40, chat_template_kwargs: { enable_thinking: false } },
  ])('takes %j', async (members) => {
    expect(await post({ ...base, ...members })).toMatchObject({ status: 200 });
  });
});

describe('toGatewayError', () => {
  it('says nothing of an error that it does not know', () => {
    expect(toGatewayError(new Error('password is hunter2')).message).toBe('An unexpected error occurred.');
    expect(toGatewayError('thrown text').code).toBe('internal_error');
  });

  it.each([
    ['FST_ERR_CTP_BODY_TOO_LARGE', 'request_too_large', 413],
    ['FST_ERR_CTP_INVALID_MEDIA_TYPE', 'unsupported_media_type', 415],
    ['FST_ERR_CTP_EMPTY_JSON_BODY', 'invalid_json', 400],
    ['FST_ERR_NOT_FOUND', 'not_found', 404],
  ])('knows %s of Fastify', (code, expected, status) => {
    expect(toGatewayError(Object.assign(new Error(), { code }))).toMatchObject({ code: expected, status });
  });
});
