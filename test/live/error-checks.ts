import assert from 'node:assert/strict';
import { APIError, BadRequestError, InternalServerError, NotFoundError } from 'openai';
import { type Check } from './check.js';
import { HELLO, type Lab } from './lab.js';

/** Longer than the context of any engine that is started for this. */
const TOO_LONG = 'hello '.repeat(40_000);

async function errorOf(call: PromiseLike<unknown>): Promise<APIError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof APIError) return error;
    throw error;
  }
  throw new Error('the call ended well');
}

async function contextLength(lab: Lab): Promise<string> {
  const body = { ...HELLO, messages: [{ role: 'user' as const, content: TOO_LONG }] };
  for (const call of [lab.openai.chat.completions.create(body), lab.chunks(body)]) {
    const error = await errorOf(call);
    assert.ok(error instanceof BadRequestError);
    assert.deepEqual([error.code, error.type], ['context_length_exceeded', 'invalid_request_error']);
  }
  return '400 context_length_exceeded, plain and streamed';
}

async function refusedByEngine(lab: Lab): Promise<string> {
  const body = { ...HELLO, top_logprobs: 2 };
  const direct = await lab.engine.ask({ ...body, model: lab.upstreamModel });
  assert.equal(direct.status, 400);
  const error = await errorOf(lab.openai.chat.completions.create(body));
  assert.ok(error instanceof BadRequestError);
  assert.equal(typeof error.type, 'string');
  assert.ok(error.code === null || typeof error.code === 'string');
  return `400, code ${String(error.code)}, type ${String(error.type)}`;
}

async function refusedByGateway(lab: Lab): Promise<string> {
  const before = await attempts(lab);
  for (const more of [{ temperature: 3 }, { max_tokens: 0 }, { messages: 'hello' }, { n: 'two' }]) {
    const response = await lab.gateway.post({ ...HELLO, ...more });
    assert.equal(response.status, 400, JSON.stringify(more));
    await response.text();
  }
  const malformed = await lab.gateway.post('{"model":"live",');
  assert.equal(malformed.status, 400);
  assert.equal(await attempts(lab), before);
  return '400, and the engine was not asked';
}

async function unknownModel(lab: Lab): Promise<string> {
  const error = await errorOf(lab.openai.chat.completions.create({ ...HELLO, model: 'nobody' }));
  assert.ok(error instanceof NotFoundError);
  assert.equal(error.code, 'model_not_found');
  return '404 model_not_found';
}

async function unknownUpstreamModel(lab: Lab): Promise<string> {
  const { status } = await lab.engine.ask({ ...HELLO, model: 'no-such-model' });
  const call = lab.openai.chat.completions.create({ ...HELLO, model: 'live-unknown' });
  if (status === 200) {
    await call;
    return '200: this engine answers to any name';
  }
  const error = await errorOf(call);
  assert.ok(error instanceof InternalServerError);
  assert.deepEqual([status, error.status, error.code], [404, 502, 'upstream_configuration']);
  return '502 upstream_configuration';
}

async function attempts(lab: Lab): Promise<number> {
  let sum = 0;
  for (const [name, value] of await lab.gateway.metrics()) if (name.startsWith('gateway_attempts_total')) sum += value;
  return sum;
}

export const ERROR_CHECKS: readonly Check[] = [
  { name: 'prompt longer than the context', run: contextLength },
  { name: 'bad request that the engine refuses', run: refusedByEngine },
  { name: 'bad requests that the gateway refuses', run: refusedByGateway },
  { name: 'model that the gateway does not know', run: unknownModel },
  { name: 'model that the engine does not know', run: unknownUpstreamModel },
];
