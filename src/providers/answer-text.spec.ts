import { describe, expect, it, vi } from 'vitest';
import { TextSample } from '../kernel/text-sample.js';
import { AnswerFacts } from '../kernel/upstream.js';
import { countTexts, countUnreadTexts } from './answer-text.js';

const chunk = (delta: object, rest: object = {}): object => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'name',
  choices: [{ index: 0, delta, logprobs: null, finish_reason: null, ...rest }],
});
const call = (fn: object, rest: object = {}): object => ({ tool_calls: [{ index: 0, ...rest, function: fn }] });
/** As Python writes it by itself: everything but ASCII as an escape. */
const asciiJson = (value: object): string =>
  JSON.stringify(value).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
const spaced = (value: object): string => JSON.stringify(value, undefined, 1);

/** Deltas, and what of them is text. */
const DELTAS: readonly [name: string, delta: object, text: string][] = [
  ['content', { content: 'Hello' }, 'Hello'],
  ['content with quotes and backslashes', { content: 'a "b" \\ \\" \n' }, 'a "b" \\ \\" \n'],
  ['content that ends in a backslash', { content: 'C:\\' }, 'C:\\'],
  [
    'content that looks like a member',
    { content: '"content":"no", "reasoning":"no"' },
    '"content":"no", "reasoning":"no"',
  ],
  ['Chinese', { content: '网关在上游失败时继续回答' }, '网关在上游失败时继续回答'],
  ['an emoji', { content: '🚀' }, '🚀'],
  ['reasoning beside content that is null', { content: null, reasoning_content: 'I think' }, 'I think'],
  ['reasoning beside content that is empty', { content: '', reasoning: 'I think so' }, 'I think so'],
  ['reasoning alone', { reasoning: 'Hm' }, 'Hm'],
  ['reasoning under both of its names, once', { reasoning: 'twice', reasoning_content: 'twice' }, 'twice'],
  ['a refusal', { content: null, refusal: 'I cannot' }, 'I cannot'],
  [
    'the beginning of a tool call',
    call({ name: 'weather', arguments: '' }, { id: 'call_1', type: 'function' }),
    'weather',
  ],
  ['arguments', call({ arguments: '{"city":"Rome"}' }), '{"city":"Rome"}'],
  ['a function call', { function_call: { name: 'f', arguments: '{"content":"x"}' } }, 'f{"content":"x"}'],
  [
    'parts',
    {
      content: [
        { type: 'text', text: 'one' },
        { type: 'text', text: ' two' },
      ],
    },
    'one two',
  ],
  ['nothing', {}, ''],
];

function factsOf(count: (facts: AnswerFacts) => void): { characters: number; windows: readonly string[] } {
  const facts = new AnswerFacts();
  facts.sample = new TextSample();
  count(facts);
  return { characters: facts.characters, windows: facts.sample.windows };
}

describe('the texts of an answer', () => {
  it.each(DELTAS)('are counted where they were read: %s', (_, delta, text) => {
    const expected = { characters: text.length, windows: text === '' ? [] : [text] };
    expect(factsOf((facts) => countTexts(delta, facts))).toEqual(expected);
  });

  it.each(DELTAS)('are counted where they are passed on unread: %s', (_, delta, text) => {
    const expected = { characters: text.length, windows: text === '' ? [] : [text] };
    const logprobs = { content: [{ token: 'x', logprob: -1, bytes: [1], top_logprobs: [] }], refusal: null };
    for (const json of [JSON.stringify, asciiJson, spaced])
      for (const value of [chunk(delta), chunk(delta, { logprobs })])
        expect(factsOf((facts) => countUnreadTexts(json(value), facts))).toEqual(expected);
  });

  it('are counted all, however many stand in one chunk', () => {
    const content = Array.from({ length: 50_000 }, (_, n) => ({ type: 'text', text: n % 100 === 0 ? '"' : 'a' }));
    expect(factsOf((facts) => countUnreadTexts(JSON.stringify(chunk({ content })), facts)).characters).toBe(50_000);
  });

  it('are counted without a sample, too', () => {
    for (const [, delta, text] of DELTAS) {
      const facts = new AnswerFacts();
      countUnreadTexts(asciiJson(chunk(delta)), facts);
      expect(facts.characters).toBe(text.length);
    }
  });

  it('of what is no JSON are counted as far as they go', () => {
    expect(factsOf((facts) => countUnreadTexts('{"content":"cut of', facts)).characters).toBe(6);
    expect(factsOf((facts) => countUnreadTexts('{"content":"\\q"}', facts)).windows).toEqual(['\\q']);
    expect(factsOf((facts) => countUnreadTexts('', facts)).characters).toBe(0);
  });

  it('reads a payload that is no JSON as JSON once, not text by text', () => {
    const parse = vi.spyOn(JSON, 'parse');
    const facts = factsOf((counted) => countUnreadTexts('"text":"\\q",'.repeat(10_000), counted));
    const tries = parse.mock.calls.length;
    parse.mockRestore();
    expect([facts.characters, tries]).toEqual([20_000, 1]);
  });

  it.each([
    [{ role: 'assistant' }, false],
    [{ role: 'assistant', content: '' }, false],
    [{ content: null, refusal: null, tool_calls: [] }, false],
    [{ content: 'x' }, true],
    [call({ name: '', arguments: '' }), true],
    [{ function_call: {} }, true],
  ])('begin with something said: %j', (delta, said) => {
    expect(countTexts(delta, new AnswerFacts())).toBe(said);
  });

  it('are refused where they are nested deeper than a request may be', () => {
    const nested = (levels: number): object => JSON.parse('{"x":'.repeat(levels) + '1' + '}'.repeat(levels)) as object;
    expect(countTexts(nested(32), new AnswerFacts())).toBe(false);
    expect(() => countTexts(nested(33), new AnswerFacts())).toThrow('malformed');
    expect(() => countTexts(nested(100_000), new AnswerFacts())).toThrow('malformed');
  });

  it('are what they are, whatever types an upstream sends', () => {
    const odd = { content: 7, reasoning: {}, tool_calls: [null, 'x', { function: 3 }], function_call: 'f' };
    expect(factsOf((facts) => countTexts(odd, facts)).characters).toBe(0);
  });
});
