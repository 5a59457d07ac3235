import { describe, expect, it } from 'vitest';
import { OPENAI_REQUESTS } from '../../../test/support/openai-encoding-cases.js';
import { recordedAnswer } from '../../../test/support/recorded-answer.js';
import { describeAdapterContract, type ExpectedFailure } from '../adapter-contract.suite.js';
import { VllmAdapter } from './vllm-adapter.js';

const body = (name: string): Buffer => recordedAnswer('vllm-0.32.0', name).body;
const failed = (name: string) => {
  const { status, headers, body: bytes } = recordedAnswer('vllm-0.32.0', name);
  return { status, headers, bytes };
};

const call = { name: 'get_weather', arguments: { city: 'Lima' } };
const hello = { content: 'Hello! How can I help you today?', finishReason: 'stop', model: 'tiny' };
const helloUsage = { promptTokens: 9, completionTokens: 10, cachedTokens: 0 };
const rejected: ExpectedFailure = { outcome: 'ignored', reason: 'rejected', retryable: 'never' };
const contextLength: ExpectedFailure = { outcome: 'ignored', reason: 'context_length', retryable: 'elsewhere' };
const configuration: ExpectedFailure = { outcome: 'fault', reason: 'configuration', retryable: 'elsewhere' };
const serverError: ExpectedFailure = { outcome: 'fault', reason: 'server_error', retryable: 'same' };

const BEFORE_DEATH =
  'Once there was stood between a small gateway that stood between many clients and many models. On day 1 the ' +
  'gateway received a from the north, and it sent the request to the fastest client that knew. On day 2 the clients ' +
  'took the gateway saw that one model was slow, and it waited a little and tried another. On day 3 the gateway ' +
  'counted every token twice, and the numbers agreed with the bill. On day 4 the gateway lost its exist, and many ' +
  'that 6 the model to stop';

describeAdapterContract(new VllmAdapter(), {
  requests: OPENAI_REQUESTS,
  streams: [
    { name: 'text', bytes: body('stream_usage'), expected: { ...hello, usage: helloUsage } },
    {
      name: 'usage on every chunk: the last counts',
      bytes: body('stream_continuous_usage_ext'),
      expected: { ...hello, usage: helloUsage },
    },
    {
      name: 'tool calls, no usage',
      bytes: body('stream_tools_auto'),
      expected: { content: '', calls: [call], finishReason: 'tool_calls', model: 'tiny', usage: undefined },
    },
  ],
  answers: [
    { name: 'text', bytes: body('nonstream'), expected: { ...hello, usage: helloUsage } },
    {
      name: 'tool calls',
      bytes: body('tools_auto'),
      expected: {
        content: '',
        calls: [call],
        finishReason: 'tool_calls',
        model: 'tiny',
        usage: { promptTokens: 171, completionTokens: 23, cachedTokens: 0 },
      },
    },
  ],
  brokenStreams: [
    {
      name: 'the engine dies: an error event, then [DONE]',
      bytes: body('DEATH-enginecore-sigkill'),
      content: BEFORE_DEATH,
      failure: { outcome: 'fault', reason: 'error_in_answer', retryable: 'same' },
    },
  ],
  errors: [
    { name: 'prompt too long', ...failed('context_length'), failure: contextLength },
    { name: 'unknown model', ...failed('bad_model'), failure: configuration },
    { name: 'a value out of range', ...failed('bad_temperature'), failure: rejected },
    { name: 'a value of the wrong type', ...failed('bad_temperature_type'), failure: rejected },
    { name: 'malformed JSON', ...failed('malformed_json'), failure: rejected },
    { name: 'queue full, without Retry-After', ...failed('overload_queue_full'), failure: serverError },
    {
      name: 'an error that is a string',
      status: 401,
      bytes: Buffer.from('{"error":"Unauthorized"}'),
      failure: configuration,
    },
    {
      name: 'an error that is a detail',
      status: 404,
      bytes: Buffer.from('{"detail":"Not Found"}'),
      failure: configuration,
    },
  ],
});

describe('VllmAdapter', () => {
  it('is asked for its health at the root of the server', () => {
    expect(new VllmAdapter()).toMatchObject({ kind: 'vllm', probePath: '//health' });
  });
});
