import assert from 'node:assert/strict';
import { setTimeout as passed } from 'node:timers/promises';
import type OpenAI from 'openai';
import { APIError } from 'openai';
import { ENDLESS, HELLO, type Lab, textOf } from './lab.js';

const FAILOVER = { ...HELLO, model: 'live-failover' };
const MID_STREAM = { ...ENDLESS, model: 'live-failover' };
/** Chunks after which the engine is killed: the answer has begun, and is far from its end. */
const BEGUN = 5;
const BACK_WITHIN_MS = 60_000;

/** Reads a stream, and kills the engine in the middle of it. @returns its chunks, and how it ended */
export async function killMidStream(lab: Lab): Promise<[OpenAI.ChatCompletionChunk[], APIError | undefined]> {
  const chunks: OpenAI.ChatCompletionChunk[] = [];
  const stream = await lab.openai.chat.completions.create({ ...MID_STREAM, stream: true });
  try {
    for await (const chunk of stream) {
      chunks.push(chunk);
      if (chunks.length === BEGUN) await lab.engine.kill();
    }
  } catch (error) {
    if (error instanceof APIError) return [chunks, error];
    throw error;
  }
  return [chunks, undefined];
}

/** `midStream: error`: the stream says that it broke, whoever asks next is answered by the backup, and no request is lost. */
export async function dies(lab: Lab): Promise<string> {
  const before = await lab.openai.chat.completions.create(FAILOVER).withResponse();
  assert.equal(before.response.headers.get('x-gateway-provider'), 'engine');
  const [chunks, error] = await killMidStream(lab);
  assert.ok(error, 'the broken stream looks whole');
  assert.equal(error.code, 'upstream_error');
  assert.ok(textOf(chunks).length > 0);
  for (let turn = 0; turn < 20; turn++) {
    const { response } = await lab.openai.chat.completions.create(FAILOVER).withResponse();
    assert.equal(response.headers.get('x-gateway-provider'), 'backup');
  }
  return `broken after ${chunks.length} chunks with ${error.code}; 20 of 20 answered by the backup`;
}

/** The engine is started again: requests find back to it without anybody's doing. */
export async function returns(lab: Lab): Promise<string> {
  await lab.engine.restart();
  const from = Date.now();
  for (;;) {
    const { response } = await lab.openai.chat.completions.create(FAILOVER).withResponse();
    if (response.headers.get('x-gateway-provider') === 'engine') break;
    assert.ok(Date.now() - from < BACK_WITHIN_MS, 'the engine is healthy and gets no requests');
    await passed(100);
  }
  return `used again ${Date.now() - from} ms after it was healthy, no request lost`;
}

/** `midStream: resume`: the caller gets one whole answer, the text that the engine alone would have given. */
export async function resumes(lab: Lab): Promise<string> {
  const whole = (await lab.direct(ENDLESS)).choices[0]!.message.content!;
  const [chunks, error] = await killMidStream(lab);
  assert.equal(error, undefined);
  assert.equal(textOf(chunks), whole);
  return `${chunks.length} chunks of two engines, one text of ${whole.length} characters`;
}

/** `midStream: hold`: nothing was sent before the answer was whole, so its loss is not seen at all. */
export async function holds(lab: Lab): Promise<string> {
  const whole = (await lab.direct(ENDLESS)).choices[0]!.message.content!;
  const reading = lab.chunks(MID_STREAM);
  await lab.engine.until('busy');
  await lab.engine.kill();
  assert.equal(textOf(await reading), whole);
  return `one text of ${whole.length} characters, all of it from the second engine`;
}
