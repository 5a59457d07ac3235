import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from '../../../test/support/assembled-answer.js';
import { type Script, simulate } from './simulated-engine.js';

const SETTINGS = { firstTokenMs: 50, tokenMs: 10, tokens: 12, errorRate: 0, seed: 1 };
const HELLO = { model: 'mock-model', messages: [{ role: 'user', content: 'Hello, world!' }] };

interface Answer {
  readonly choices: readonly { readonly message: { readonly content: string }; readonly finish_reason: string }[];
  readonly usage?: { readonly completion_tokens: number };
}

const play = (changes: object, settings = SETTINGS, serial = 0): Script =>
  simulate(Buffer.from(JSON.stringify({ ...HELLO, ...changes })), settings, 1_800_000_000_000, serial);
const textOf = ({ steps }: Script): string => steps.map(({ text }) => text).join('');
const plain = (changes: object = {}, settings = SETTINGS): Answer =>
  JSON.parse(textOf(play(changes, settings))) as Answer;
const content = (answer: Answer, index = 0): string => answer.choices[index]!.message.content;
const streamed = (changes: object = {}) => {
  const events = textOf(play({ ...changes, stream: true }))
    .split('\n\n')
    .filter(Boolean);
  return assemble(events.filter((event) => event !== 'data: [DONE]').map((event) => event.slice('data: '.length)));
};
const duration = ({ headAfterMs, steps }: Script): number =>
  steps.reduce((sum, { afterMs }) => sum + afterMs, headAfterMs);

describe('simulate', () => {
  it('begins with Hello!, and depends on seed and messages alone', () => {
    const text = content(plain());
    expect(text).toMatch(/^Hello!/);
    expect(content(plain({ model: 'other', temperature: 2, user: 'u' }))).toBe(text);
    expect(content(plain({ messages: [{ role: 'user', content: 'Bye' }] }))).not.toBe(text);
    expect(content(plain({}, { ...SETTINGS, seed: 2 }))).not.toBe(text);
  });

  it('says the same plainly and streamed, whatever is asked', () => {
    const caps = fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined });
    const stops = fc.option(fc.constantFrom(' the', 'lo!', ' a', 'e', 'never'), { nil: undefined });
    fc.assert(
      fc.property(fc.string(), caps, stops, (words, max_tokens, stop) => {
        const wish = { messages: [{ role: 'user', content: words }], max_tokens, stop };
        const answer = plain(wish);
        const whole = streamed({ ...wish, stream_options: { include_usage: true } });
        expect(whole.content).toBe(content(answer));
        expect(whole.finishReason).toBe(answer.choices[0]!.finish_reason);
        expect(whole.usage?.completionTokens).toBe(answer.usage?.completion_tokens);
      }),
    );
  });

  it.each(['max_tokens', 'max_completion_tokens'])('stops at %s with finish length and exact usage', (member) => {
    const answer = plain({ [member]: 3 });
    expect(content(answer).split(' ')).toHaveLength(3);
    expect(answer).toMatchObject({ choices: [{ finish_reason: 'length' }], usage: { completion_tokens: 3 } });
    expect(plain({ [member]: 100 })).toMatchObject({
      choices: [{ finish_reason: 'stop' }],
      usage: { completion_tokens: 12 },
    });
  });

  it('ends before a stop sequence, the first of several, and counts what it said', () => {
    const words = content(plain()).split(' ');
    const stop = ` ${words[4]}`;
    const answer = plain({ stop: ['never said', stop] });
    expect(content(answer)).toBe(words.slice(0, words.indexOf(words[4]!)).join(' '));
    expect(answer.choices[0]!.finish_reason).toBe('stop');
    expect(answer.usage!.completion_tokens).toBe(content(answer).split(' ').length);
    expect(content(plain({ stop: 'Hello!' }))).toBe('');
  });

  it('gives n choices, and counts the tokens of all', () => {
    const answer = plain({ n: 3, max_tokens: 5 });
    expect(answer.choices).toHaveLength(3);
    expect(new Set(answer.choices.map((_, index) => content(answer, index))).size).toBe(3);
    expect(answer.usage!.completion_tokens).toBe(15);
  });

  it('tells usage in a stream only where it is asked', () => {
    expect(textOf(play({ stream: true }))).not.toContain('"usage"');
    expect(streamed({ stream_options: { include_usage: true } }).usage?.completionTokens).toBe(12);
  });

  it('takes as long plainly as streamed', () => {
    expect(duration(play({}))).toBe(50 + 11 * 10);
    expect(duration(play({ stream: true }))).toBe(duration(play({})));
  });

  it('calls the tool that is named, and answers in text after its result', () => {
    const tool = (name: string) => ({ type: 'function', function: { name, parameters: { type: 'object' } } });
    const tools = [tool('first'), tool('second')];
    const choice = { type: 'function', function: { name: 'second' } };
    expect(streamed({ tools }).calls).toMatchObject([{ name: 'first' }]);
    expect(streamed({ tools, tool_choice: choice }).calls).toMatchObject([{ name: 'second' }]);
    expect(streamed({ tools, tool_choice: 'none' }).content).toMatch(/^Hello!/);
    const messages = [...HELLO.messages, { role: 'tool', tool_call_id: 'call_1', content: 'sunny' }];
    expect(streamed({ tools, messages }).content).toMatch(/^Hello!/);
  });

  it('fails the share of requests that it is told, the same ones for a seed', () => {
    const settings = { ...SETTINGS, errorRate: 0.2 };
    const run = (seed: number) =>
      Array.from({ length: 2_000 }, (_, serial) => play({}, { ...settings, seed }, serial).status);
    const failed = run(1).filter((status) => status === 500).length;
    expect(Math.abs(failed - 400)).toBeLessThan(80);
    expect(run(1)).toEqual(run(1));
    expect(run(2)).not.toEqual(run(1));
  });

  it('refuses a body that is no JSON', () => {
    expect(simulate(Buffer.from('{'), SETTINGS, 0, 0)).toMatchObject({ status: 400 });
  });
});
