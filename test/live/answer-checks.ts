import assert from 'node:assert/strict';
import type OpenAI from 'openai';
import { type Check, Skipped } from './check.js';
import { CAP_TOKENS, ENDLESS, HELLO, type Lab, textOf } from './lab.js';

/** The call is required and its argument one of two, so that any model can show it. */
const WEATHER = {
  ...HELLO,
  messages: [{ role: 'user' as const, content: 'What is the weather in Paris?' }],
  tool_choice: 'required' as const,
  tools: [
    {
      type: 'function' as const,
      function: {
        name: 'get_weather',
        parameters: {
          type: 'object',
          properties: { city: { type: 'string', enum: ['Paris', 'Rome'] } },
          required: ['city'],
        },
      },
    },
  ],
};
const STREAM_WITH_USAGE = { stream_options: { include_usage: true } };
const CITY_SCHEMA = {
  type: 'object',
  properties: { city: { type: 'string', maxLength: 8 } },
  required: ['city'],
  additionalProperties: false,
};

type Usage = Pick<OpenAI.CompletionUsage, 'prompt_tokens' | 'completion_tokens' | 'total_tokens'>;

/** Without the details: a prompt that was asked before is found in the engine's cache. */
function counts(usage: OpenAI.CompletionUsage | null | undefined): Usage {
  assert.ok(usage, 'usage is missing');
  const { prompt_tokens, completion_tokens, total_tokens } = usage;
  return { prompt_tokens, completion_tokens, total_tokens };
}

const said = ({ choices }: OpenAI.ChatCompletion) =>
  choices.map(({ message, finish_reason }) => [message.content, finish_reason]);
const finishes = (chunks: readonly OpenAI.ChatCompletionChunk[]) =>
  chunks
    .flatMap(({ choices }) => choices.map(({ finish_reason }) => finish_reason))
    .filter((reason) => reason !== null);

/** The ledger line must charge what the engine counted. */
async function expectCharged(lab: Lab, requestId: string, usage: Usage): Promise<void> {
  const line = await lab.gateway.ledger(requestId);
  assert.deepEqual(
    [line.promptTokens, line.completionTokens, line.usageSource],
    [usage.prompt_tokens, usage.completion_tokens, 'reported'],
  );
}

async function plain(lab: Lab): Promise<string> {
  const direct = await lab.direct(HELLO);
  const answer = await lab.openai.chat.completions.create(HELLO);
  assert.deepEqual(said(answer), said(direct));
  assert.deepEqual(counts(answer.usage), counts(direct.usage));
  await expectCharged(lab, answer._request_id!, counts(direct.usage));
  return `${answer.choices[0]!.message.content!.length} characters, ${answer.usage!.completion_tokens} tokens`;
}

async function assembled(lab: Lab): Promise<string> {
  const direct = await lab.direct(HELLO);
  const answer = await lab.openai.chat.completions.create({ ...HELLO, model: 'live-streamed' });
  assert.deepEqual(said(answer), said(direct));
  assert.deepEqual(counts(answer.usage), counts(direct.usage));
  await expectCharged(lab, answer._request_id!, counts(direct.usage));
  return 'text and usage as of a plain answer';
}

async function stream(lab: Lab): Promise<string> {
  const direct = await lab.direct(HELLO);
  const { data, response } = await lab.openai.chat.completions.create({ ...HELLO, stream: true }).withResponse();
  const chunks: OpenAI.ChatCompletionChunk[] = [];
  for await (const chunk of data) chunks.push(chunk);
  assert.deepEqual([[textOf(chunks), ...finishes(chunks)]], said(direct));
  assert.deepEqual(
    chunks.filter(({ usage }) => usage),
    [],
  );
  await expectCharged(lab, response.headers.get('x-request-id')!, counts(direct.usage));
  return `${chunks.length} chunks, none with usage, charged all the same`;
}

async function streamWithUsage(lab: Lab): Promise<string> {
  const direct = await lab.direct(HELLO);
  const chunks = await lab.chunks({ ...HELLO, ...STREAM_WITH_USAGE });
  assert.deepEqual(counts(chunks.at(-1)?.usage), counts(direct.usage));
  assert.deepEqual(chunks.at(-1)!.choices, []);
  assert.deepEqual(
    chunks.slice(0, -1).filter(({ usage }) => usage),
    [],
  );
  return `${chunks.at(-1)!.usage!.total_tokens} tokens, as the engine told for the plain request`;
}

async function rawStream(lab: Lab): Promise<string> {
  const response = await lab.gateway.post({ ...HELLO, stream: true });
  const text = await response.text();
  assert.ok(text.endsWith('data: [DONE]\n\n'), 'the stream does not end with [DONE]');
  assert.match(response.headers.get('content-type')!, /^text\/event-stream/);
  for (const event of text.split('\n\n').slice(0, -2)) JSON.parse(event.replace(/^data: /, ''));
  return `${text.length} bytes, every event parses`;
}

async function tools(lab: Lab): Promise<string> {
  const direct = await lab.direct(WEATHER);
  const wanted = direct.choices[0]?.message.tool_calls?.[0];
  if (wanted?.type !== 'function')
    throw new Skipped('the engine reads no tool calls: llama-server needs --jinja, vLLM --tool-call-parser');
  const answer = await lab.openai.chat.completions.create(WEATHER);
  const streamed = await lab.openai.chat.completions.stream(WEATHER).finalChatCompletion();
  const assembledAnswer = await lab.openai.chat.completions.create({ ...WEATHER, model: 'live-streamed' });
  for (const { choices } of [answer, streamed, assembledAnswer]) {
    const call = choices[0]!.message.tool_calls?.[0];
    assert.deepEqual(call?.type === 'function' && [call.function.name, call.function.arguments], [
      wanted.function.name,
      wanted.function.arguments,
    ]);
    assert.equal(choices[0]!.finish_reason, 'tool_calls');
  }
  return `${wanted.function.name}(${wanted.function.arguments}), plain, streamed and assembled`;
}

async function choices(lab: Lab): Promise<string> {
  const body = { ...HELLO, n: 2, temperature: 1 };
  const direct = await lab.direct(body);
  const answer = await lab.openai.chat.completions.create(body);
  assert.equal(answer.choices.length, direct.choices.length);
  const chunks = await lab.chunks({ ...body, ...STREAM_WITH_USAGE });
  assert.equal(finishes(chunks).length, 2);
  assert.ok(textOf(chunks, 0).length > 0 && textOf(chunks, 1).length > 0);
  return `${answer.choices.length} plain, as the engine itself; 2 streamed`;
}

async function stop(lab: Lab): Promise<string> {
  const whole = (await lab.direct(HELLO)).choices[0]!.message.content!;
  const word = whole.split(' ')[2];
  if (word === undefined) throw new Skipped(`the answer is too short: ${whole}`);
  const body = { ...HELLO, stop: [word] };
  const direct = await lab.direct(body);
  assert.deepEqual(said(await lab.openai.chat.completions.create(body)), said(direct));
  const chunks = await lab.chunks(body);
  assert.deepEqual([[textOf(chunks), ...finishes(chunks)]], said(direct));
  return `ends before ${JSON.stringify(word)}`;
}

async function logprobs(lab: Lab): Promise<string> {
  const body = { ...HELLO, logprobs: true, top_logprobs: 2 };
  const direct = await lab.direct(body);
  const answer = await lab.openai.chat.completions.create(body);
  const tokens = ({ choices: [choice] }: OpenAI.ChatCompletion) => choice!.logprobs!.content!.map(({ token }) => token);
  assert.deepEqual(tokens(answer), tokens(direct));
  const chunks = await lab.chunks(body);
  const streamed = chunks.flatMap((chunk) => chunk.choices.flatMap((choice) => choice.logprobs?.content ?? []));
  assert.ok(streamed.every(({ top_logprobs: top }) => top.length === 2));
  return `${tokens(answer).length} tokens plain, ${streamed.length} streamed`;
}

async function schema(lab: Lab): Promise<string> {
  const format = { type: 'json_schema' as const, json_schema: { name: 'city', strict: true, schema: CITY_SCHEMA } };
  const body = { ...HELLO, response_format: format };
  const direct = await lab.direct(body);
  const answer = await lab.openai.chat.completions.create(body);
  assert.deepEqual(said(answer), said(direct));
  return answer.choices[0]!.message.content!;
}

async function ownCap(lab: Lab): Promise<string> {
  for (const cap of [{ max_tokens: 5 }, { max_tokens: null, max_completion_tokens: 5 }]) {
    const answer = await lab.openai.chat.completions.create({ ...ENDLESS, ...cap });
    assert.deepEqual([answer.usage!.completion_tokens, answer.choices[0]!.finish_reason], [5, 'length']);
  }
  return 'as max_tokens and as max_completion_tokens';
}

async function modelCap(lab: Lab): Promise<string> {
  const endless = { ...ENDLESS, max_tokens: null };
  const answer = await lab.openai.chat.completions.create({ ...endless, model: 'live-capped' });
  assert.deepEqual([answer.usage!.completion_tokens, answer.choices[0]!.finish_reason], [CAP_TOKENS, 'length']);
  const chunks = await lab.chunks({ ...endless, model: 'live-capped', ...STREAM_WITH_USAGE });
  assert.equal(chunks.at(-1)!.usage!.completion_tokens, CAP_TOKENS);
  return `${CAP_TOKENS} tokens where the caller set no bound`;
}

export const ANSWER_CHECKS: readonly Check[] = [
  { name: "plain answer: the engine's text and usage", run: plain },
  { name: 'plain answer of a provider with streamUpstream', run: assembled },
  { name: 'stream: the same text, no usage unasked', run: stream },
  { name: 'stream with usage: as the engine counts', run: streamWithUsage },
  { name: 'stream as bytes: events and [DONE]', run: rawStream },
  { name: 'tool calls', run: tools },
  { name: 'n = 2', run: choices },
  { name: 'stop', run: stop },
  { name: 'logprobs', run: logprobs },
  { name: 'json_schema', run: schema },
  { name: "the caller's cap of output tokens", run: ownCap },
  { name: "the model's cap of output tokens", run: modelCap },
];
