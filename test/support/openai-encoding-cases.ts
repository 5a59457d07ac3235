import { type AdapterFixtures } from '../../src/providers/adapter-contract.suite.js';

const base = { model: 'alias', messages: [{ role: 'user', content: 'Hi' }] };
const tools = [{ type: 'function', function: { name: 'get_weather', parameters: { type: 'object' } } }];

/** What every upstream that speaks OpenAI's format must read. */
export const OPENAI_REQUESTS: AdapterFixtures['requests'] = [
  {
    name: 'passes members that it does not know',
    body: { ...base, top_k: 40, chat_template_kwargs: { enable_thinking: false }, temperature: 0.10000000000000001 },
    sent: { ...base, model: 'upstream-model', top_k: 40, chat_template_kwargs: { enable_thinking: false } },
    absent: ['stream', 'stream_options', 'max_tokens', 'max_completion_tokens'],
  },
  {
    name: 'passes tools and their results',
    body: { ...base, messages: [{ role: 'tool', tool_call_id: 'call_1', content: 'sunny' }], tools },
    sent: { messages: [{ role: 'tool', tool_call_id: 'call_1', content: 'sunny' }], tools },
  },
  {
    name: 'asks for usage in a stream',
    body: { ...base, stream: true },
    sent: { stream: true, stream_options: { include_usage: true } },
  },
  {
    name: "keeps the caller's other stream options",
    body: { ...base, stream: true, stream_options: { include_usage: false, continuous_usage_stats: true } },
    sent: { stream_options: { include_usage: true, continuous_usage_stats: true } },
  },
  {
    name: 'asks for a stream where the caller wants none, and the other way round',
    body: { ...base, stream: null },
    options: { stream: true },
    sent: { stream: true, stream_options: { include_usage: true } },
  },
  {
    name: 'writes the cap in the member that the upstream takes, and only there',
    body: { ...base, max_completion_tokens: 100 },
    options: { maxTokens: 50 },
    sent: { max_tokens: 50 },
    absent: ['max_completion_tokens'],
  },
];
