import { describe, expect, it } from 'vitest';
import { AnthropicDecoder } from './anthropic-decoder.js';

const frame = { created: 1_800_000_000, model: 'target-model', legacy: false };
const start = {
  type: 'message_start',
  message: { id: 'msg_1', model: 'claude', usage: { input_tokens: 3, output_tokens: 1 } },
};
const delta = (index: number, inner: object) => ({ type: 'content_block_delta', index, delta: inner });
const block = (index: number, inner: object) => ({ type: 'content_block_start', index, content_block: inner });
const text = (value: string) => delta(0, { type: 'text_delta', text: value });
const finish = (reason: string, usage: object = { output_tokens: 5 }, more: object = {}) => ({
  type: 'message_delta',
  delta: { stop_reason: reason, ...more },
  usage,
});

function run(events: readonly object[], includeUsage = false, over: Partial<typeof frame> = {}) {
  const decoder = new AnthropicDecoder({ ...frame, ...over }, includeUsage);
  const out: string[] = [];
  for (const event of events) decoder.push(JSON.stringify(event), undefined, out);
  const chunks = out.map((payload) => JSON.parse(payload) as { choices: { delta: object }[]; [name: string]: unknown });
  return {
    facts: decoder.facts,
    chunks,
    deltas: chunks.flatMap(({ choices }) => choices.map((choice) => choice.delta)),
  };
}

describe('AnthropicDecoder', () => {
  it('writes whole chunks', () => {
    const common = { id: 'chatcmpl-msg_1', object: 'chat.completion.chunk', created: frame.created, model: 'claude' };
    const choice = (inner: object, reason: string | null = null) => [
      { index: 0, delta: inner, logprobs: null, finish_reason: reason },
    ];
    expect(run([start, text('Hi'), finish('end_turn'), { type: 'message_stop' }], true).chunks).toEqual([
      { ...common, choices: choice({ role: 'assistant', content: '' }), usage: null },
      { ...common, choices: choice({ content: 'Hi' }), usage: null },
      { ...common, choices: choice({}, 'stop'), usage: null },
      {
        ...common,
        choices: [],
        usage: {
          prompt_tokens: 3,
          completion_tokens: 5,
          total_tokens: 8,
          prompt_tokens_details: { cached_tokens: 0 },
        },
      },
    ]);
  });

  it('leaves usage out of every chunk where the caller did not ask', () => {
    const { chunks } = run([start, text('Hi'), finish('end_turn'), { type: 'message_stop' }]);
    expect(chunks).toHaveLength(3);
    for (const chunk of chunks) expect(chunk).not.toHaveProperty('usage');
  });

  it('does not take the role alone, a ping or an empty delta for content', () => {
    const { facts, chunks } = run([{ type: 'ping' }, start, block(0, { type: 'text', text: '' }), text('')]);
    expect([facts.content, facts.deltas, chunks.length]).toEqual([false, 0, 1]);
  });

  it('takes the start of a tool call for content', () => {
    const { facts } = run([start, block(0, { type: 'tool_use', id: 't', name: 'f', input: {} })]);
    expect([facts.content, facts.deltas]).toEqual([true, 1]);
  });

  it('takes thinking for content', () => {
    const { facts, deltas } = run([start, delta(0, { type: 'thinking_delta', thinking: 'hm' })]);
    expect(facts.content).toBe(true);
    expect(deltas[1]).toEqual({ reasoning_content: 'hm' });
  });

  it('counts content, not framing', () => {
    const { facts } = run([start, text('four'), text('12')]);
    expect([facts.deltas, facts.characters]).toEqual([2, 6]);
  });

  it('numbers calls among calls, not among blocks', () => {
    const { deltas } = run([
      start,
      block(3, { type: 'tool_use', id: 'a', name: 'f', input: {} }),
      block(7, { type: 'tool_use', id: 'b', name: 'g', input: {} }),
      delta(7, { type: 'input_json_delta', partial_json: '{"x":1}' }),
    ]);
    expect(deltas.slice(1)).toEqual([
      { tool_calls: [{ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '' } }] },
      { tool_calls: [{ index: 1, id: 'b', type: 'function', function: { name: 'g', arguments: '' } }] },
      { tool_calls: [{ index: 1, function: { arguments: '{"x":1}' } }] },
    ]);
  });

  it('gives arguments that came with the block’s start, once', () => {
    const { deltas } = run([
      start,
      block(0, { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } }),
      { type: 'content_block_stop', index: 0 },
      { type: 'content_block_stop', index: 0 },
    ]);
    expect(deltas.slice(2)).toEqual([{ tool_calls: [{ index: 0, function: { arguments: '{"x":1}' } }] }]);
  });

  it('streams function_call to callers of the older API, the first call only', () => {
    const events = [
      start,
      block(0, { type: 'tool_use', id: 'a', name: 'f', input: {} }),
      delta(0, { type: 'input_json_delta', partial_json: '{}' }),
      block(1, { type: 'tool_use', id: 'b', name: 'g', input: {} }),
      { type: 'content_block_stop', index: 1 },
      finish('tool_use'),
    ];
    const { deltas, facts } = run(events, false, { legacy: true });
    expect(deltas.slice(1)).toEqual([
      { function_call: { name: 'f', arguments: '' } },
      { function_call: { arguments: '{}' } },
      {},
    ]);
    expect(facts.finishReason).toBe('function_call');
  });

  it.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['pause_turn', 'stop'],
    ['a_reason_yet_to_come', 'stop'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['tool_use', 'tool_calls'],
    ['refusal', 'content_filter'],
  ])('ends %s as %s', (reason, expected) => {
    const { facts, chunks } = run([start, finish(reason)]);
    expect([facts.finishReason, [...facts.finished]]).toEqual([expected, [0]]);
    expect(chunks.at(-1)).toMatchObject({ choices: [{ finish_reason: expected }] });
  });

  it('gives the explanation of a refusal before its end', () => {
    const { deltas } = run([start, finish('refusal', {}, { stop_details: { explanation: 'Declined.' } })]);
    expect(deltas.slice(1)).toEqual([{ refusal: 'Declined.' }, {}]);
  });

  it('takes cumulative usage: the last word wins, null and absence say nothing, zero counts', () => {
    const early = {
      ...start,
      message: { ...start.message, usage: { input_tokens: 9, cache_read_input_tokens: 4, output_tokens: 1 } },
    };
    const { facts } = run([
      early,
      finish('end_turn', { output_tokens: 7 }),
      finish('end_turn', { input_tokens: null, output_tokens: 0 }),
    ]);
    expect(facts.usage).toEqual({ promptTokens: 13, completionTokens: 0, cachedTokens: 4 });
  });

  it('knows no usage before the upstream has told the output', () => {
    expect(run([start, text('Hi')]).facts.usage).toBeUndefined();
  });

  it('names the target’s model where the upstream names none', () => {
    const { facts, chunks } = run([{ type: 'message_start', message: { id: 'msg_1', model: '' } }]);
    expect([facts.model, chunks[0]!.model]).toEqual(['target-model', 'target-model']);
  });

  it('passes over events, blocks and deltas that it does not know', () => {
    const { facts, chunks } = run([
      start,
      { type: 'yet_to_come' },
      block(0, { type: 'server_tool_use', id: 's', name: 'web_search' }),
      delta(0, { type: 'input_json_delta', partial_json: '{"query":' }),
      delta(1, { type: 'citations_delta', citation: {} }),
      { type: 'content_block_delta', index: 0 },
      { type: 'content_block_stop', index: 0 },
    ]);
    expect(chunks).toHaveLength(1);
    expect([facts.content, facts.failure]).toEqual([false, undefined]);
  });

  it.each([
    ['content before the start', [text('Hi')]],
    ['a start without a message', [{ type: 'message_start' }]],
    ['a second start', [start, start]],
    ['another format', [{ object: 'chat.completion.chunk', choices: [] }]],
  ])('takes %s for malformed', (_name, events) => {
    expect(run(events).facts.failure).toMatchObject({ outcome: 'fault', reason: 'malformed', retryable: 'elsewhere' });
  });

  it('reads nothing after a failure', () => {
    const error = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
    const { facts, chunks } = run([start, error, text('late'), finish('end_turn'), { type: 'message_stop' }]);
    expect(chunks).toHaveLength(1);
    expect([facts.done, facts.finished.size, facts.failure?.reason]).toEqual([false, 0, 'overloaded']);
  });

  it('cannot be made to write a second line or member by ids and names of the upstream', () => {
    const sly = 'x","choices":[]}\n\ndata: {';
    const { chunks } = run([{ type: 'message_start', message: { id: sly, model: sly } }, text(sly)]);
    expect(chunks[1]).toMatchObject({ id: `chatcmpl-${sly}`, model: sly, choices: [{ delta: { content: sly } }] });
  });
});
