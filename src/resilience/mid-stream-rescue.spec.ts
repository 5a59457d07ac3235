import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { continuationEdit, RepeatedTextFilter, type SentDelta, SentText } from './mid-stream-rescue.js';

const delta = (changes: Partial<SentDelta>): SentDelta => ({
  choice: 0,
  content: undefined,
  reasoning: false,
  toolCall: false,
  refusal: false,
  finished: false,
  ...changes,
});

describe('SentText', () => {
  it('collects the text of the only choice', () => {
    const sent = new SentText(1);
    for (const content of ['Hel', '', 'lo']) sent.sent(delta({ content }));
    expect(sent.text).toBe('Hello');
    expect(sent.obstacle()).toBeUndefined();
  });

  it.each<[string, Partial<SentDelta>]>([
    ['choices', { choice: 1 }],
    ['toolCalls', { toolCall: true }],
    ['refusal', { refusal: true }],
    ['finished', { finished: true }],
    ['reasoning', { reasoning: true }],
  ])('names %s as the obstacle', (obstacle, changes) => {
    const sent = new SentText(1);
    sent.sent(delta({ content: 'a' }));
    sent.sent(delta(changes));
    expect(sent.obstacle()).toBe(obstacle);
  });

  it('refuses several choices from the start', () => {
    expect(new SentText(2).obstacle()).toBe('choices');
  });

  it('may resume once the reasoning is over and the answer has begun', () => {
    const sent = new SentText(1);
    sent.sent(delta({ reasoning: true }));
    sent.sent(delta({ content: 'a' }));
    expect(sent.obstacle()).toBeUndefined();
  });

  it('keeps no text beyond its bound', () => {
    const sent = new SentText(1);
    sent.sent(delta({ content: 'x'.repeat(1_048_577) }));
    expect([sent.obstacle(), sent.text]).toEqual(['tooLong', '']);
  });
});

describe('RepeatedTextFilter', () => {
  it('drops exactly what was sent, wherever the answer is cut', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.array(fc.nat(10)), (sent, rest, cuts) => {
        const filter = new RepeatedTextFilter(sent);
        let answer = sent + rest;
        let out = '';
        for (const cut of [...cuts, Infinity]) {
          const piece = filter.push(answer.slice(0, cut));
          expect(piece).toBeDefined();
          out += piece!;
          answer = answer.slice(cut);
        }
        expect(out).toBe(rest);
        expect(filter.caughtUp).toBe(true);
      }),
    );
  });

  it('ends at the first difference and lets nothing of it out', () => {
    const filter = new RepeatedTextFilter('The answer is 4');
    expect(filter.push('The ans')).toBe('');
    expect(filter.push('wer is 5, as')).toBeUndefined();
    expect(filter.push('wer is 4')).toBeUndefined();
    expect(filter.caughtUp).toBe(false);
  });

  it('has not caught up when the fresh answer ends early', () => {
    const filter = new RepeatedTextFilter('The answer');
    expect(filter.push('The')).toBe('');
    expect(filter.caughtUp).toBe(false);
  });
});

it('continues by an unfinished assistant message', () => {
  expect(continuationEdit('Once')).toEqual({
    message: { role: 'assistant', content: 'Once' },
    set: { continue_final_message: true, add_generation_prompt: false },
  });
});
