import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { chatRequest } from '../../../test/support/chat-request.js';
import { ManualClock } from '../../../test/support/manual-clock.js';
import { targetOf } from '../../../test/support/target.js';
import { describeAdapterContract, type ExpectedFailure } from '../adapter-contract.suite.js';
import { AnthropicAdapter } from './anthropic-adapter.js';

const fixture = (name: string): Buffer =>
  readFileSync(new URL(`../../../test/fixtures/anthropic/${name}`, import.meta.url));
const clock = new ManualClock();
const adapter = new AnthropicAdapter(clock);
const target = targetOf('anthropic');
const user = { role: 'user', content: 'Hi' };
const base = { model: 'alias', messages: [user] };
const tool = (name: string, more: object = {}) => ({ type: 'function', function: { name, ...more } });
const textBlock = (text: string) => ({ type: 'text', text });

const rejected: ExpectedFailure = { outcome: 'ignored', reason: 'rejected', retryable: 'never' };
const contextLength: ExpectedFailure = { outcome: 'ignored', reason: 'context_length', retryable: 'elsewhere' };
const quota: ExpectedFailure = { outcome: 'fault', reason: 'insufficient_quota', retryable: 'elsewhere' };
const configuration: ExpectedFailure = { outcome: 'fault', reason: 'configuration', retryable: 'elsewhere' };
const serverError: ExpectedFailure = { outcome: 'fault', reason: 'server_error', retryable: 'same' };
const throttled: ExpectedFailure = { outcome: 'throttle', reason: 'throttled', retryable: 'same' };
const overloaded: ExpectedFailure = { outcome: 'throttle', reason: 'overloaded', retryable: 'same' };
const error = (name: string, status: number, failure: ExpectedFailure, headers = {}) => ({
  name,
  status,
  headers,
  bytes: fixture(`error-${name}.json`),
  failure,
});

const sonnet = 'claude-sonnet-4-5-20250929';
const opus = 'claude-opus-4-5-20251101';
const textUsage = { promptTokens: 128, completionTokens: 17, cachedTokens: 100 };
const toolUsage = { promptTokens: 472, completionTokens: 89, cachedTokens: 0 };
const calls = [
  { name: 'get_weather', arguments: { location: 'Zürich, CH', unit: 'celsius' } },
  { name: 'get_time', arguments: {} },
];

describeAdapterContract(adapter, {
  requests: [
    {
      name: 'hoists system and developer messages',
      body: {
        ...base,
        messages: [
          { role: 'system', content: 'Be kind.' },
          user,
          { role: 'developer', content: [textBlock('Be brief.')] },
        ],
      },
      sent: { system: 'Be kind.\nBe brief.', messages: [{ role: 'user', content: [textBlock('Hi')] }] },
    },
    {
      name: 'sends images by reference and by value, and names what it cannot send',
      body: {
        ...base,
        messages: [
          {
            role: 'user',
            content: [
              textBlock('What is this?'),
              textBlock(''),
              { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'auto' } },
              { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=', detail: 'low' } },
              { type: 'image_url', image_url: { url: 'http://169.254.169.254/latest' } },
              { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } },
              { type: 'file', file: { file_id: 'f' } },
            ],
          },
        ],
      },
      sent: {
        messages: [
          {
            role: 'user',
            content: [
              textBlock('What is this?'),
              { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
              { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } },
            ],
          },
        ],
      },
      dropped: ['messages.file', 'messages.image_url', 'messages.image_url.detail', 'messages.input_audio'],
    },
    {
      name: 'turns tool calls and their results into blocks, results of parallel calls into one turn',
      body: {
        ...base,
        messages: [
          user,
          {
            role: 'assistant',
            content: null,
            tool_calls: [
              { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } },
              { id: 'call:2', type: 'function', function: { name: 'g', arguments: '' } },
              { id: 'call_3', type: 'function', function: { name: 'h', arguments: '{"broken' } },
              { id: 'call_4', type: 'custom', custom: { name: 'c', input: 'free text' } },
            ],
          },
          { role: 'tool', tool_call_id: 'call_1', content: 'one' },
          { role: 'tool', tool_call_id: 'call:2', content: [textBlock('two')] },
          { role: 'tool', tool_call_id: 'call_3', content: '' },
          { role: 'user', content: 'Go on.' },
        ],
      },
      sent: {
        messages: [
          { role: 'user', content: [textBlock('Hi')] },
          {
            role: 'assistant',
            content: [
              { type: 'tool_use', id: 'call_1', name: 'f', input: { a: 1 } },
              { type: 'tool_use', id: 'call_2', name: 'g', input: {} },
              { type: 'tool_use', id: 'call_3', name: 'h', input: { arguments: '{"broken' } },
              { type: 'tool_use', id: 'call_4', name: 'c', input: { input: 'free text' } },
            ],
          },
          {
            role: 'user',
            content: [
              { type: 'tool_result', tool_use_id: 'call_1', content: [textBlock('one')] },
              { type: 'tool_result', tool_use_id: 'call_2', content: [textBlock('two')] },
              { type: 'tool_result', tool_use_id: 'call_3' },
              textBlock('Go on.'),
            ],
          },
        ],
      },
    },
    {
      name: 'pairs function calls of the older API with their results',
      body: {
        ...base,
        functions: [{ name: 'f', parameters: { type: 'object', properties: { a: { type: 'integer' } } } }],
        function_call: { name: 'f' },
        messages: [
          user,
          { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{"a":1}' } },
          { role: 'function', name: 'f', content: 'one' },
        ],
      },
      sent: {
        messages: [
          {},
          { role: 'assistant', content: [{ type: 'tool_use', id: 'function_1', name: 'f', input: { a: 1 } }] },
          { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'function_1', content: [textBlock('one')] }] },
        ],
        tools: [{ name: 'f', input_schema: { type: 'object', properties: { a: { type: 'integer' } } } }],
        tool_choice: { type: 'tool', name: 'f', disable_parallel_tool_use: true },
      },
      absent: ['functions', 'function_call'],
    },
    {
      name: 'keeps refusals of earlier answers as text, and names what history cannot hold',
      body: {
        ...base,
        messages: [
          { ...user, name: 'Ann' },
          {
            role: 'assistant',
            content: [{ type: 'refusal', refusal: 'No.' }],
            reasoning_content: 'hm',
            audio: { id: 'x' },
          },
          { role: 'assistant', content: 'More.', refusal: 'Still no.' },
          user,
        ],
      },
      sent: {
        messages: [
          {},
          { role: 'assistant', content: [textBlock('No.'), textBlock('More.'), textBlock('Still no.')] },
          {},
        ],
      },
      dropped: ['messages.audio', 'messages.name', 'messages.reasoning_content'],
    },
    {
      name: 'describes tools',
      body: {
        ...base,
        tools: [
          tool('f', { description: 'Does f.', parameters: { type: 'object', required: ['a'] }, strict: true }),
          tool('g', { strict: false }),
          { type: 'custom', custom: { name: 'c' } },
        ],
      },
      sent: {
        tools: [
          { name: 'f', description: 'Does f.', input_schema: { type: 'object', required: ['a'] }, strict: true },
          { name: 'g', input_schema: { type: 'object', properties: {} } },
        ],
      },
      absent: ['tool_choice'],
      dropped: ['tools.custom'],
    },
    ...(
      [
        ['none', { type: 'none' }],
        ['auto', { type: 'auto', disable_parallel_tool_use: true }],
        ['required', { type: 'any', disable_parallel_tool_use: true }],
        [tool('f'), { type: 'tool', name: 'f', disable_parallel_tool_use: true }],
        [null, { type: 'auto', disable_parallel_tool_use: true }],
      ] as const
    ).map(([choice, expected]) => ({
      name: `translates the tool choice ${JSON.stringify(choice)}, one call at a time`,
      body: { ...base, tools: [tool('f')], tool_choice: choice, parallel_tool_calls: false },
      sent: { tool_choice: expected },
    })),
    {
      name: 'says nothing of a choice where nothing can be chosen',
      body: { ...base, tools: [], tool_choice: 'required', parallel_tool_calls: true },
      sent: {},
      absent: ['tools', 'tool_choice'],
      dropped: ['tool_choice'],
    },
    {
      name: 'names a tool choice that has no words in this API',
      body: {
        ...base,
        tools: [tool('f')],
        tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [] } },
      },
      sent: {},
      absent: ['tool_choice'],
      dropped: ['tool_choice'],
    },
    {
      name: 'translates the plain members',
      body: {
        ...base,
        stream: true,
        temperature: 0.3,
        stop: 'END',
        user: 'u-1',
        max_completion_tokens: 9,
        max_tokens: 5,
      },
      sent: {
        stream: true,
        temperature: 0.3,
        stop_sequences: ['END'],
        metadata: { user_id: 'u-1' },
        max_tokens: 9,
      },
      absent: ['stop', 'user', 'max_completion_tokens', 'stream_options', 'top_p', 'system', 'tools'],
    },
    {
      name: 'clamps the temperature, drops top_p beside it and stops that are blank, and names all three',
      body: { ...base, temperature: 1.7, top_p: 0.5, stop: ['\n', 'END'] },
      sent: { temperature: 1, stop_sequences: ['END'] },
      absent: ['top_p'],
      dropped: ['stop', 'temperature', 'top_p'],
    },
    { name: 'sends top_p alone', body: { ...base, top_p: 0.5 }, sent: { top_p: 0.5 }, absent: ['temperature'] },
    {
      name: 'passes a schema for the answer on',
      body: {
        ...base,
        response_format: { type: 'json_schema', json_schema: { name: 'n', schema: { type: 'object' } } },
      },
      sent: { output_config: { format: { type: 'json_schema', schema: { type: 'object' } } } },
    },
    {
      name: 'names every member that it cannot take, also unknown ones',
      body: {
        ...base,
        n: 2,
        seed: 1,
        logprobs: true,
        logit_bias: { 5: 1 },
        reasoning_effort: 'high',
        response_format: { type: 'json_object' },
        chat_template_kwargs: {},
        'bad\r\nname': 1,
        metadata: null,
      },
      sent: {},
      absent: ['n', 'seed', 'logprobs', 'reasoning_effort', 'chat_template_kwargs'],
      dropped: [
        'chat_template_kwargs',
        'logit_bias',
        'logprobs',
        'n',
        'reasoning_effort',
        'response_format',
        'seed',
        'unknown',
      ],
    },
    {
      name: 'does not name members that ask for nothing',
      body: {
        ...base,
        n: 1,
        logprobs: false,
        presence_penalty: 0,
        frequency_penalty: 0,
        store: false,
        seed: null,
        stream_options: { include_usage: true },
        response_format: { type: 'text' },
      },
      sent: {},
      absent: ['n', 'store'],
    },
  ],
  streams: [
    {
      name: 'text',
      bytes: fixture('stream-text.sse'),
      expected: {
        content: 'Hello! Grüße, 世界 😀\n"quoted" \\ done.',
        finishReason: 'stop',
        model: sonnet,
        usage: textUsage,
      },
    },
    {
      name: 'tool calls',
      bytes: fixture('stream-tools.sse'),
      expected: {
        content: 'Okay, let me check. One moment.',
        calls,
        finishReason: 'tool_calls',
        model: sonnet,
        usage: toolUsage,
      },
    },
    {
      name: 'thinking',
      bytes: fixture('stream-thinking.sse'),
      expected: {
        content: '27 * 453 = 12,231',
        reasoning: 'Let me compute 27 * 453: 12,231.',
        finishReason: 'length',
        model: opus,
        usage: { promptTokens: 30, completionTokens: 64, cachedTokens: 0 },
      },
    },
    {
      name: 'refusal',
      bytes: fixture('stream-refusal.sse'),
      expected: {
        content: '',
        finishReason: 'content_filter',
        model: sonnet,
        usage: { promptTokens: 40, completionTokens: 1, cachedTokens: 0 },
      },
    },
  ],
  answers: [
    {
      name: 'text',
      bytes: fixture('plain-text.json'),
      expected: { content: 'Hello! Grüße, 世界 😀', finishReason: 'stop', model: sonnet, usage: textUsage },
    },
    {
      name: 'tool calls',
      bytes: fixture('plain-tools.json'),
      expected: { content: '', calls, finishReason: 'tool_calls', model: sonnet, usage: toolUsage },
    },
    {
      name: 'thinking',
      bytes: fixture('plain-thinking.json'),
      expected: {
        content: '12,231',
        reasoning: 'Let me compute.',
        finishReason: 'length',
        model: opus,
        usage: { promptTokens: 30, completionTokens: 64, cachedTokens: 0 },
      },
    },
    {
      name: 'recorded from llama-server',
      bytes: fixture('recorded-llama-server.json'),
      expected: {
        content: 'Hello! How can I help you today?',
        finishReason: 'stop',
        model: 'tiny',
        usage: { promptTokens: 9, completionTokens: 10, cachedTokens: 8 },
      },
    },
    {
      name: 'recorded from vLLM',
      bytes: fixture('recorded-vllm.json'),
      expected: {
        content: 'Hello! How can I help you today?',
        finishReason: 'stop',
        model: 'tiny',
        usage: { promptTokens: 9, completionTokens: 10, cachedTokens: 0 },
      },
    },
  ],
  brokenStreams: [
    { name: 'overloaded', bytes: fixture('stream-overloaded.sse'), content: 'Once upon', failure: overloaded },
  ],
  errors: [
    error('400-invalid', 400, rejected),
    error('400-too-long', 400, contextLength),
    error('400-context-limit', 400, contextLength),
    error('400-credit', 400, quota),
    error('400-filtered', 400, { outcome: 'ignored', reason: 'content_policy', retryable: 'never' }),
    error('401', 401, configuration),
    error('402', 402, quota),
    error('403', 403, configuration),
    error('404', 404, configuration),
    error('413', 413, rejected),
    error('429', 429, throttled, { 'retry-after': '12' }),
    error('429-spend', 429, quota),
    error('500', 500, serverError),
    error('504', 504, serverError),
    error('529', 529, overloaded),
  ],
});

describe('AnthropicAdapter', () => {
  const encode = (body: object, maxTokens?: number, over = target) => {
    const encoded = adapter.encode(chatRequest(body), over, { maxTokens, stream: false });
    return JSON.parse(Buffer.concat(encoded.body).toString()) as Record<string, unknown>;
  };

  it('speaks to /messages with its version, and keeps the key in x-api-key', () => {
    const { path, headers } = adapter.encode(chatRequest(base), target, { maxTokens: undefined, stream: false });
    expect([path, headers]).toEqual(['/messages', { 'anthropic-version': '2023-06-01' }]);
    expect(adapter.credentials('secret')).toEqual({ 'x-api-key': 'secret' });
  });

  it('always sends a token cap: the gateway’s, the caller’s, the model’s, its own', () => {
    const capped = targetOf('anthropic', { maxOutputTokens: 64_000 });
    expect(encode({ ...base, max_tokens: 50 }, 20, capped).max_tokens).toBe(20);
    expect(encode({ ...base, max_tokens: 50 }, undefined, capped).max_tokens).toBe(50);
    expect(encode(base, undefined, capped).max_tokens).toBe(64_000);
    expect(encode(base).max_tokens).toBe(4096);
  });

  it('lists at most 32 dropped names, however many the caller invents', () => {
    const invented = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`member_${at}`, 1]));
    const request = chatRequest({ ...base, ...invented });
    expect(adapter.encode(request, target, { maxTokens: undefined, stream: false }).droppedParams).toHaveLength(32);
  });

  it('shows the error that the upstream told in OpenAI’s shape, without addresses', () => {
    expect(adapter.classify(429, {}, fixture('error-429.json')).details.error).toEqual({
      message: "This request would exceed your organization's rate limit; see [url]",
      type: 'rate_limit_error',
      param: null,
      code: null,
    });
  });

  it('takes 503 for a throttle only where it says when to come back', () => {
    expect(adapter.classify(503, { 'retry-after': '1' }, Buffer.alloc(0))).toMatchObject(overloaded);
    expect(adapter.classify(503, {}, Buffer.alloc(0))).toMatchObject(serverError);
  });

  it.each([
    ['error-529.json', overloaded],
    ['error-429.json', throttled],
    ['error-500.json', serverError],
    ['error-400-too-long.json', contextLength],
  ] as const)('takes %s inside a 200 for what it is', (name, failure) => {
    expect(() => adapter.decodeAnswer(fixture(name), chatRequest(base), target)).toThrow(
      expect.objectContaining(failure),
    );
    const decoder = adapter.decoder(chatRequest({ ...base, stream: true }), target);
    decoder.push(fixture(name).toString(), 'error', []);
    expect(decoder.facts.failure).toMatchObject(failure);
  });

  it('gives the explanation of a refusal where OpenAI has it', () => {
    const message = JSON.parse(fixture('plain-text.json').toString()) as Record<string, unknown>;
    const refused = { ...message, content: [], stop_reason: 'refusal', stop_details: { explanation: 'Declined.' } };
    const { json } = adapter.decodeAnswer(Buffer.from(JSON.stringify(refused)), chatRequest(base), target);
    expect(JSON.parse(json.toString())).toMatchObject({
      choices: [{ message: { content: null, refusal: 'Declined.' }, finish_reason: 'content_filter' }],
    });
  });

  it('prefixes ids once, also those of engines that speak both formats', () => {
    const idOf = (name: string) => {
      const { json } = adapter.decodeAnswer(fixture(name), chatRequest(base), target);
      return (JSON.parse(json.toString()) as { id: string }).id;
    };
    expect(idOf('plain-text.json')).toBe('chatcmpl-msg_01TextPlain');
    expect(idOf('recorded-vllm.json')).toBe('chatcmpl-b4100fb79eea9ed1');
  });

  it('answers callers of the older API with function_call', () => {
    const request = chatRequest({ ...base, functions: [{ name: 'get_weather' }] });
    const { json } = adapter.decodeAnswer(fixture('plain-tools.json'), request, target);
    expect(JSON.parse(json.toString())).toMatchObject({
      choices: [
        {
          message: { function_call: { name: 'get_weather', arguments: JSON.stringify(calls[0]!.arguments) } },
          finish_reason: 'function_call',
        },
      ],
    });
  });
});
