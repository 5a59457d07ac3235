import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BannedWord, type OutputLimits } from '../kernel/snapshot.js';
import { UpstreamFailure } from '../kernel/upstream.js';
import { compileAutomaton } from './aho-corasick.js';
import { filterAnswer } from './answer-filter.js';
import { ChunkFilter } from './chunk-filter.js';
import { type GuardrailHit } from './rule.js';
import { WordRule } from './word-matcher.js';

const UNLIMITED: OutputLimits = { maxCharacters: undefined, maxTokens: undefined };
const FORBIDDEN: BannedWord = { text: 'forbidden', word: false, action: 'block', id: 'no-forbidden' };
const rules = (...words: BannedWord[]): WordRule[] => [
  new WordRule(compileAutomaton(words.map((word) => word.text)), words),
];
const ignore = (): void => undefined;

interface Entry {
  readonly index: number;
  readonly delta: Record<string, unknown>;
  readonly finish_reason: string | null;
}

function chunk(delta: Record<string, unknown>, index = 0, finish: string | null = null): string {
  const choices = [{ index, delta, finish_reason: finish }];
  return JSON.stringify({ id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'm', choices });
}

function pass(filter: ChunkFilter, payloads: readonly string[]): string[] {
  const out: string[] = [];
  for (const payload of payloads) filter.push(payload, out);
  filter.finish(out);
  return out;
}

const entries = (out: readonly string[]): Entry[] =>
  out.flatMap((payload) => (JSON.parse(payload) as { choices: Entry[] }).choices);

/** All text of one choice, whatever its field, put together per field. */
function texts(out: readonly string[], index = 0): string {
  const fields = new Map<string, string>();
  const add = (name: string, value: unknown): void => void fields.set(name, (fields.get(name) ?? '') + String(value));
  for (const entry of entries(out).filter((each) => each.index === index)) {
    for (const [name, value] of Object.entries(entry.delta)) {
      if (name !== 'tool_calls') add(name, value);
      else {
        for (const call of value as { index: number; function?: { arguments?: string } }[]) {
          add(`tool ${call.index}`, call.function?.arguments ?? '');
        }
      }
    }
  }
  return [...fields].map(([name, value]) => `${name}: ${value}`).join('\n');
}

const FIELDS: Record<string, (text: string) => Record<string, unknown>> = {
  content: (text) => ({ content: text }),
  reasoning_content: (text) => ({ reasoning_content: text }),
  refusal: (text) => ({ refusal: text }),
  'tool call': (text) => ({ tool_calls: [{ index: 1, function: { arguments: text } }] }),
};

describe('ChunkFilter', () => {
  it.each(Object.keys(FIELDS))('blocks a word in %s, for every split into chunks', (field) => {
    const delta = FIELDS[field]!;
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 30, maxLength: 30 }), (sizes) => {
        const text = 'it is ＦＯＲbid\u200bden to say';
        let at = 0;
        const payloads = sizes.map((size) => chunk(delta(text.slice(at, (at += size)))));
        const out = pass(new ChunkFilter(rules(FORBIDDEN), UNLIMITED, 1, ignore), [...payloads, chunk({}, 0, 'stop')]);
        expect(texts(out)).toMatch(/: it is $/);
        expect(entries(out).at(-1)).toEqual({ index: 0, delta: {}, finish_reason: 'content_filter' });
        expect(entries(out).filter((entry) => entry.finish_reason !== null)).toHaveLength(1);
      }),
    );
  });

  it('says the same of a stream whose chunks are alike as of one whose chunks are all written differently', () => {
    const piece = fc.oneof(
      fc.constantFrom('forb', 'id', 'den', ' ', '"', '\\', '\n', '\u2028', 'ﬀ', '\ud83d', '\ude00'),
      fc.string(),
    );
    const redact: BannedWord = { ...FORBIDDEN, action: 'redact' };
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.boolean(), (pieces, ends) => {
        const alike = pieces.map((content) => chunk({ content }));
        // A space where none need be: no frame fits.
        const unlike = alike.map((payload, at) => payload.replace('{', `{${' '.repeat(at + 1)}`));
        const stop = ends ? [chunk({}, 0, 'stop')] : [];
        const said = (payloads: readonly string[]): unknown =>
          pass(new ChunkFilter(rules(redact), UNLIMITED, 1, ignore), [...payloads, ...stop]).map(
            (out) => JSON.parse(out) as unknown,
          );
        expect(said(alike)).toEqual(said(unlike));
      }),
      { numRuns: 1_000 },
    );
  });

  it('reads a chunk anew that is broken, has a name twice, or says more than the one before', () => {
    const filter = (payload: string): string[] => {
      const out: string[] = [];
      const chunks = new ChunkFilter(rules(FORBIDDEN), UNLIMITED, 1, ignore);
      chunks.push(chunk({ content: 'a ' }), out);
      chunks.push(payload, out);
      return out.slice(1);
    };
    expect(filter(chunk({ content: 'b ' }))).toEqual([chunk({ content: 'b ' })]);
    expect(() => filter(chunk({ content: 'b' }).replace('"b"', '"b\\"'))).toThrow(UpstreamFailure);
    expect(() => filter(chunk({ content: 'b' }).replace('"b"', '"b\n"'))).toThrow(UpstreamFailure);
    const twice = chunk({ content: 'b ' }).replace('"b "', '"b ","refusal":"it is forbidden "');
    expect(filter(twice).join()).not.toContain('forbidden');
    const hidden = chunk({ content: 'forbidden ' }).replace('{"content"', '{"content":"b ","content"');
    expect(filter(hidden).join()).not.toContain('forbidden');
  });

  it('passes payloads through untouched where nothing is held', () => {
    const payloads = [
      chunk({ role: 'assistant', content: '' }),
      chunk({ content: 'Hello' }),
      chunk({}, 0, 'stop'),
      '{"id":"c1","choices":[],"usage":{"total_tokens":3}}',
    ];
    expect(pass(new ChunkFilter(rules(FORBIDDEN), UNLIMITED, 1, ignore), payloads)).toEqual(payloads);
  });

  it('sends held text before the finish_reason, and drops chunks that have nothing to say', () => {
    const out = pass(new ChunkFilter(rules(FORBIDDEN), UNLIMITED, 1, ignore), [
      chunk({ content: 'wait for' }),
      chunk({ content: 'b' }),
      chunk({}, 0, 'stop'),
    ]);
    expect(entries(out)).toEqual([
      { index: 0, delta: { content: 'wait ' }, finish_reason: null },
      { index: 0, delta: { content: 'forb' }, finish_reason: null },
      { index: 0, delta: {}, finish_reason: 'stop' },
    ]);
  });

  it('flushes every field of a stream that ends without a finish_reason', () => {
    const payloads = [FIELDS['tool call']!('{"a":"for'), chunkDelta('content', 'for')].map((delta) => chunk(delta));
    const out = pass(new ChunkFilter(rules(FORBIDDEN), UNLIMITED, 1, ignore), payloads);
    expect(texts(out).split('\n').sort()).toEqual(['content: for', 'tool 1: {"a":"for']);
  });

  it('keeps the choices apart: a word split over two is none, and one block leaves the other alone', () => {
    const filter = new ChunkFilter(rules(FORBIDDEN), UNLIMITED, 2, ignore);
    const out: string[] = [];
    filter.push(chunk({ content: 'forb' }, 0), out);
    filter.push(chunk({ content: 'idden' }, 1), out);
    filter.push(chunk({ content: 'idden!' }, 0), out);
    expect(filter.done).toBe(false);
    filter.push(chunk({ content: ' more' }, 0), out);
    filter.push(chunk({}, 1, 'stop'), out);
    expect(filter.done).toBe(true);
    expect(texts(out, 0)).toBe('');
    expect(texts(out, 1)).toBe('content: idden');
  });

  it('keeps the usage of a chunk whose choices have nothing to say', () => {
    const filter = new ChunkFilter(rules(FORBIDDEN), UNLIMITED, 1, ignore);
    const out: string[] = [];
    filter.push('{"id":"c1","choices":[{"index":0,"delta":{"content":"for"}}],"usage":{"total_tokens":3}}', out);
    expect(out.map((payload) => JSON.parse(payload) as unknown)).toEqual([
      { id: 'c1', choices: [], usage: { total_tokens: 3 } },
    ]);
  });

  it('drops log probabilities, which repeat the text', () => {
    const out: string[] = [];
    const logprobs = { content: [{ token: 'x', top_logprobs: [{ token: 'forbidden' }] }] };
    const payload = JSON.stringify({ choices: [{ index: 0, delta: { content: 'x' }, logprobs }] });
    new ChunkFilter(rules(FORBIDDEN), UNLIMITED, 1, ignore).push(payload, out);
    expect(out.join()).not.toContain('forbidden');
  });

  it('reports a rule once per field, by id and offset, without the text', () => {
    const hits: GuardrailHit[] = [];
    const flag: BannedWord = { ...FORBIDDEN, action: 'flag', id: 'trial' };
    const filter = new ChunkFilter(rules(flag), UNLIMITED, 1, (hit) => void hits.push(hit));
    pass(filter, [chunk({ content: 'a forbidden, forbidden thing ' })]);
    expect(hits).toEqual([
      { ruleId: 'trial', action: 'flag', direction: 'output', field: 'choices[0].content', offset: 2 },
    ]);
  });

  it('ends a choice at the character bound, never within a code point, and only where more would come', () => {
    const limits = { maxCharacters: 3, maxTokens: undefined };
    const cut = pass(new ChunkFilter([], limits, 1, ignore), [chunk({ content: 'a😀' }), chunk({ content: '😀😀' })]);
    expect(texts(cut)).toBe('content: a😀😀');
    expect(entries(cut).at(-1)).toEqual({ index: 0, delta: {}, finish_reason: 'length' });
    const exact = [chunk({ content: 'ab' }), chunk({ content: '😀' }), chunk({}, 0, 'stop')];
    expect(pass(new ChunkFilter([], limits, 1, ignore), exact)).toEqual(exact);
  });

  it('ends a choice whose upstream ignores the token cap', () => {
    const filter = new ChunkFilter([], { maxCharacters: undefined, maxTokens: 2 }, 1, ignore);
    const out = pass(
      filter,
      ['a', 'b', 'c', 'd'].map((content) => chunk({ content })),
    );
    expect(texts(out)).toBe('content: ab');
    expect(entries(out).at(-1)?.finish_reason).toBe('length');
    expect(filter.done).toBe(true);
  });

  it('calls a payload that is no JSON object a fault of the target', () => {
    const filter = new ChunkFilter([], UNLIMITED, 1, ignore);
    for (const payload of ['{', '[]', 'null']) expect(() => filter.push(payload, [])).toThrow(UpstreamFailure);
  });
});

function chunkDelta(name: string, text: string): Record<string, unknown> {
  return { [name]: text };
}

describe('filterAnswer', () => {
  const answer = (...contents: string[]): string =>
    JSON.stringify({
      id: 'c1',
      choices: contents.map((content, index) => ({
        index,
        message: { role: 'assistant', content },
        finish_reason: 'stop',
      })),
      usage: { completion_tokens: 40 },
    });

  it('returns the same answer where nothing changes', () => {
    const json = answer('a text for');
    expect(filterAnswer(json, rules(FORBIDDEN), UNLIMITED, ignore)).toBe(json);
  });

  it('cuts a choice before the match and leaves usage and the other choices alone', () => {
    const filtered = filterAnswer(answer('so for\u00adbidden it is', 'fine'), rules(FORBIDDEN), UNLIMITED, ignore);
    expect(JSON.parse(filtered.toString())).toEqual({
      id: 'c1',
      choices: [
        { index: 0, message: { role: 'assistant', content: 'so ' }, finish_reason: 'content_filter' },
        { index: 1, message: { role: 'assistant', content: 'fine' }, finish_reason: 'stop' },
      ],
      usage: { completion_tokens: 40 },
    });
  });

  it('bounds characters, and tokens by the reported usage', () => {
    const content = (limits: OutputLimits): unknown =>
      JSON.parse(filterAnswer(answer('0123456789'.repeat(16)), [], limits, ignore).toString());
    expect(content({ maxCharacters: 3, maxTokens: undefined })).toMatchObject({
      choices: [{ message: { content: '012' }, finish_reason: 'length' }],
    });
    expect(content({ maxCharacters: undefined, maxTokens: 2 })).toMatchObject({
      choices: [{ message: { content: '01234567' }, finish_reason: 'length' }],
    });
    expect(content({ maxCharacters: undefined, maxTokens: 40 })).toMatchObject({
      choices: [{ finish_reason: 'stop' }],
    });
  });
});
