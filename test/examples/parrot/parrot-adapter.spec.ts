import { readFileSync } from 'node:fs';
import { describeAdapterContract } from '../../../src/providers/adapter-contract.suite.js';
import { ParrotAdapter } from './parrot-adapter.js';

const fixture = (name: string): Buffer => readFileSync(new URL(`fixtures/${name}`, import.meta.url));
const base = { model: 'alias', messages: [{ role: 'user', content: 'Hi' }] };
const weather = { name: 'get_weather', arguments: { city: 'Paris' } };

describeAdapterContract(new ParrotAdapter(), {
  requests: [
    {
      name: 'sends turns, and names what has no place',
      body: { ...base, temperature: 0.5, user: 'u', seed: null },
      sent: { model: 'upstream-model', turns: [{ from: 'user', text: 'Hi' }] },
      absent: ['messages', 'temperature', 'user', 'limit'],
      dropped: ['temperature', 'user'],
    },
    {
      name: 'holds the output to the cap of the gateway',
      body: { ...base, max_tokens: 500 },
      options: { maxTokens: 100 },
      sent: { limit: 100 },
    },
  ],
  streams: [
    {
      name: 'text',
      bytes: fixture('stream-text.sse'),
      expected: {
        content: 'Hello, Grüße 😀',
        finishReason: 'stop',
        model: 'parrot-1',
        usage: { promptTokens: 5, completionTokens: 4, cachedTokens: 0 },
      },
    },
    {
      name: 'tool calls',
      bytes: fixture('stream-calls.sse'),
      expected: {
        content: '',
        calls: [weather, { name: 'get_time', arguments: {} }],
        finishReason: 'tool_calls',
        model: 'parrot-1',
        usage: { promptTokens: 20, completionTokens: 9, cachedTokens: 0 },
      },
    },
  ],
  answers: [
    {
      name: 'text',
      bytes: fixture('answer-text.json'),
      expected: {
        content: 'Hello!',
        finishReason: 'length',
        model: 'parrot-1',
        usage: { promptTokens: 5, completionTokens: 1, cachedTokens: 0 },
      },
    },
    {
      name: 'tool calls',
      bytes: fixture('answer-calls.json'),
      expected: {
        content: '',
        calls: [weather],
        finishReason: 'tool_calls',
        model: 'parrot-1',
        usage: { promptTokens: 20, completionTokens: 6, cachedTokens: 0 },
      },
    },
  ],
  brokenStreams: [
    {
      name: 'overloaded',
      bytes: fixture('stream-fault.sse'),
      content: 'Hello, ',
      failure: { outcome: 'throttle', reason: 'overloaded', retryable: 'same' },
    },
  ],
  errors: [
    {
      name: '429',
      status: 429,
      headers: { 'retry-after': '2' },
      bytes: fixture('error-429.json'),
      failure: { outcome: 'throttle', reason: 'throttled', retryable: 'same' },
    },
  ],
});
