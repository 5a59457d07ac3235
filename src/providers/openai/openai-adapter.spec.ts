import { describe, expect, it } from 'vitest';
import { chatRequest } from '../../../test/support/chat-request.js';
import { OPENAI_REQUESTS } from '../../../test/support/openai-encoding-cases.js';
import { recordedAnswer } from '../../../test/support/recorded-answer.js';
import { targetOf } from '../../../test/support/target.js';
import { describeAdapterContract, type ExpectedFailure } from '../adapter-contract.suite.js';
import { OpenAiAdapter } from './openai-adapter.js';

const recorded = (name: string) => recordedAnswer('llama-server', name);
const body = (name: string) => recorded(name).body;
const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
const chunk = (delta: object, finish: string | null = null, more: object = {}): string =>
  event({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1_795_396_866,
    model: 'tiny',
    choices: [{ index: 0, delta, finish_reason: finish }],
    ...more,
  });

const call = { name: 'get_weather', arguments: { city: 'Lima' } };
const hello = { content: 'Hello! How can I help you today?', finishReason: 'stop', model: 'tiny' };
const helloUsage = { promptTokens: 9, completionTokens: 10, cachedTokens: 8 };
const rejected: ExpectedFailure = { outcome: 'ignored', reason: 'rejected', retryable: 'never' };
const contextLength: ExpectedFailure = { outcome: 'ignored', reason: 'context_length', retryable: 'elsewhere' };
const contentPolicy: ExpectedFailure = { outcome: 'ignored', reason: 'content_policy', retryable: 'never' };
const serverError: ExpectedFailure = { outcome: 'fault', reason: 'server_error', retryable: 'same' };
const quota: ExpectedFailure = { outcome: 'fault', reason: 'insufficient_quota', retryable: 'elsewhere' };
const overloaded: ExpectedFailure = { outcome: 'throttle', reason: 'overloaded', retryable: 'same' };
const error = (type: string, code: string | null, message = 'Refused.') =>
  Buffer.from(JSON.stringify({ error: { message, type, param: null, code } }));

describeAdapterContract(new OpenAiAdapter(), {
  requests: OPENAI_REQUESTS,
  streams: [
    { name: 'text', bytes: body('stream_usage'), expected: { ...hello, usage: helloUsage } },
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
        usage: { promptTokens: 173, completionTokens: 23, cachedTokens: 0 },
      },
    },
  ],
  brokenStreams: [
    {
      name: 'an error event after content',
      bytes: Buffer.from(
        chunk({ role: 'assistant', content: 'Hel' }) + chunk({ content: 'lo' }) + event({ error: { message: 'gone' } }),
      ),
      content: 'Hello',
      failure: { outcome: 'fault', reason: 'error_in_answer', retryable: 'same' },
    },
    {
      name: 'a rate limit after content',
      bytes: Buffer.from(
        chunk({ role: 'assistant', content: 'Hel' }) +
          event({ error: { message: 'slow down', type: 'rate_limit_error', code: null } }) +
          'data: [DONE]\n\n',
      ),
      content: 'Hel',
      failure: { outcome: 'throttle', reason: 'throttled', retryable: 'same' },
    },
  ],
  errors: [
    { name: 'llama-server: prompt too long', ...failed('context_length'), failure: contextLength },
    { name: 'llama-server: a value of the wrong type', ...failed('bad_temperature_type'), failure: rejected },
    { name: 'llama-server: malformed JSON is a 500', ...failed('malformed_json'), failure: serverError },
    {
      name: 'context_length_exceeded',
      status: 400,
      bytes: error('invalid_request_error', 'context_length_exceeded'),
      failure: contextLength,
    },
    {
      name: 'content_policy_violation',
      status: 400,
      bytes: error('invalid_request_error', 'content_policy_violation'),
      failure: contentPolicy,
    },
    {
      name: 'insufficient_quota is not a rate limit',
      status: 429,
      bytes: error('insufficient_quota', 'insufficient_quota'),
      failure: quota,
    },
    {
      name: '503 with Retry-After asks for patience',
      status: 503,
      headers: { 'retry-after': '2' },
      bytes: error('server_error', null),
      failure: overloaded,
    },
    {
      name: 'an address in the message',
      status: 400,
      bytes: error('invalid_request_error', null, 'see http://10.0.0.7:8000/internal for more'),
      failure: rejected,
    },
  ],
});

function failed(name: string) {
  const { status, headers, body: bytes } = recorded(name);
  return { status, headers, bytes };
}

describe('OpenAiAdapter', () => {
  const adapter = new OpenAiAdapter();
  const streaming = { model: 'm', messages: [{ role: 'user', content: '' }], stream: true };

  it('sends the bytes of the caller where nothing has to change', () => {
    const request = chatRequest({ model: 'upstream-model', messages: [{ role: 'user', content: 'Hi' }], n: 2 });
    const encoded = adapter.encode(request, targetOf('openai'), { maxTokens: undefined, stream: false });
    expect(encoded.body).toEqual([request.document.bytes]);
    expect(encoded.body[0]).toBe(request.document.bytes);
  });

  it('copies nothing of the texts where something has to change', () => {
    const request = chatRequest({ model: 'm', messages: [{ role: 'user', content: 'Hi' }], user: 'u' });
    const { body } = adapter.encode(request, targetOf('openai'), { maxTokens: 5, stream: false });
    const kept = body.filter(({ buffer }) => buffer === request.document.bytes.buffer).map(String);
    expect(kept).toContain('"messages":[{"role":"user","content":"Hi"}],"user":"u"');
  });

  it('writes the cap in both members where an upstream needs it', () => {
    const target = targetOf('openai', {
      provider: { ...targetOf('openai').provider, tokenCapField: 'both' },
    });
    const { body: bytes } = adapter.encode(
      chatRequest({ model: 'm', messages: [{ role: 'user', content: '' }] }),
      target,
      { maxTokens: 9, stream: false },
    );
    expect(JSON.parse(Buffer.concat(bytes).toString())).toMatchObject({ max_tokens: 9, max_completion_tokens: 9 });
  });

  it('names the target as the model where an upstream does not say which one answered', () => {
    const decoder = adapter.decoder(chatRequest(streaming), targetOf('openai'));
    const out: string[] = [];
    decoder.push('{"choices":[{"index":0,"delta":{"content":"Hi"}}]}', undefined, out);
    decoder.push('{"choices":[{"index":0,"delta":{"content":" you"}}]}', undefined, out);
    expect(out.map((payload) => (JSON.parse(payload) as { model: string }).model)).toEqual([
      'upstream-model',
      'upstream-model',
    ]);
    expect(decoder.facts.model).toBe('upstream-model');
  });

  it('adds up usage over choices where an engine tells it per choice', () => {
    const target = targetOf('openai', { provider: { ...targetOf('openai').provider, usagePerChoice: true } });
    const decoder = adapter.decoder(chatRequest({ ...streaming, n: 2 }), target);
    for (const completion_tokens of [3, 4]) {
      decoder.push(JSON.stringify({ choices: [], usage: { prompt_tokens: 9, completion_tokens } }), undefined, []);
    }
    expect(decoder.facts.usage).toEqual({ promptTokens: 9, completionTokens: 7, cachedTokens: 0 });
  });

  describe('"usage":null on every chunk, of upstreams that were asked for usage', () => {
    const USAGE = '{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}';
    const chunkOf = (delta: string, finish: string, between: string): string =>
      `{"id":"c","model":"m","choices":[{"index":0,"delta":${delta},"finish_reason":${finish}}]${between}}`;
    const chunksWith = (between: string): string[] => [
      chunkOf('{"role":"assistant","content":""}', 'null', between),
      chunkOf('{"content":"say ,\\"usage\\":null"}', 'null', between),
      chunkOf('{"content":" twice"}', 'null', between),
      chunkOf('{}', '"stop"', between),
    ];
    const decoded = (body: object, payloads: readonly string[]): string[] => {
      const decoder = adapter.decoder(chatRequest(body), targetOf('openai'));
      const out: string[] = [];
      for (const payload of payloads) decoder.push(payload, undefined, out);
      expect(decoder.facts.usage).toMatchObject({ completionTokens: 2 });
      return out;
    };

    it.each([
      ['last', ',"usage":null', ''],
      ['in the middle', ',"usage":null,"obfuscation":"x"', ',"obfuscation":"x"'],
      ['with spaces', ', "usage": null', ''],
    ])('is not for a caller that asked for none: %s', (_where, told, left) => {
      expect(decoded(streaming, [...chunksWith(told), USAGE])).toEqual(chunksWith(left));
    });

    it('reaches a caller that asked, byte for byte', () => {
      const sent = [...chunksWith(',"usage":null'), USAGE];
      expect(decoded({ ...streaming, stream_options: { include_usage: true } }, sent)).toEqual(sent);
    });
  });
});
