import { OPENAI_REQUESTS } from '../../../test/support/openai-encoding-cases.js';
import { describeAdapterContract, type ExpectedFailure } from '../adapter-contract.suite.js';
import { OpenAiAdapter } from '../openai/openai-adapter.js';
import { simulate } from './simulated-engine.js';

const SETTINGS = { firstTokenMs: 1, tokenMs: 1, tokens: 6, errorRate: 0, seed: 1 };
const WALL_MS = 1_795_396_866_000;
const base = { model: 'mock-model', messages: [{ role: 'user', content: 'Hi' }] };
const tools = [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
  },
];
const stream = { stream: true, stream_options: { include_usage: true } };
const played = (changes: object) => {
  const { status, headers, steps } = simulate(
    Buffer.from(JSON.stringify({ ...base, ...changes })),
    SETTINGS,
    WALL_MS,
    0,
  );
  return { status, headers, bytes: Buffer.from(steps.map(({ text }) => text).join('')) };
};

const call = { name: 'get_weather', arguments: { city: 'Paris' } };
const usage = { promptTokens: 8, completionTokens: 6, cachedTokens: 0 };
const text = { content: textOf(played({}).bytes), finishReason: 'stop', model: 'mock-model', usage };
const called = { content: '', calls: [call], finishReason: 'tool_calls', model: 'mock-model' };
const callUsage = { ...usage, completionTokens: 8 };
const serverError: ExpectedFailure = { outcome: 'fault', reason: 'server_error', retryable: 'same' };

describeAdapterContract(new OpenAiAdapter('simulated'), {
  requests: OPENAI_REQUESTS,
  streams: [
    { name: 'text', bytes: played(stream).bytes, expected: text },
    { name: 'tool calls', bytes: played({ ...stream, tools }).bytes, expected: { ...called, usage: callUsage } },
  ],
  answers: [
    { name: 'text', bytes: played({}).bytes, expected: text },
    { name: 'tool calls', bytes: played({ tools }).bytes, expected: { ...called, usage: callUsage } },
  ],
  brokenStreams: [
    {
      name: 'an error event after the first token',
      bytes: played({ ...stream, model: 'mock-model!error-event-1' }).bytes,
      content: 'Hello!',
      failure: { outcome: 'fault', reason: 'error_in_answer', retryable: 'same' },
    },
  ],
  errors: [
    { name: 'a server error', ...played({ model: 'mock-model!status-500' }), failure: serverError },
    {
      name: 'a throttle that says when to come back',
      ...played({ model: 'mock-model!status-429!retry-after-2' }),
      failure: { outcome: 'throttle', reason: 'throttled', retryable: 'same' },
    },
    {
      name: 'a prompt too long',
      ...played({ model: 'mock-model!context-length' }),
      failure: { outcome: 'ignored', reason: 'context_length', retryable: 'elsewhere' },
    },
    {
      name: 'a refusal by policy',
      ...played({ model: 'mock-model!content-policy' }),
      failure: { outcome: 'ignored', reason: 'content_policy', retryable: 'never' },
    },
  ],
});

function textOf(answer: Buffer): string {
  return (JSON.parse(answer.toString()) as { choices: [{ message: { content: string } }] }).choices[0].message.content;
}
