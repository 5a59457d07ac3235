import { describe, expect, it } from 'vitest';
import { targetOf } from '../../../test/support/target.js';
import { decodeChatCompletion } from './openai-answer.js';

const target = targetOf('openai');
const answer = (choices: string): Buffer => Buffer.from(`{"model":"m","choices":[${choices}]}`);
const choice = (finish: string): string => `{"index":0,"message":{"content":"hi"},"finish_reason":${finish}}`;

describe('decodeChatCompletion', () => {
  it.each(['{"a":1}', '7', '[]', `${'['.repeat(20_000)}${']'.repeat(20_000)}`])(
    'takes no finish reason that is no text: %.20s',
    (finish) => {
      expect(decodeChatCompletion(answer(choice(finish)), target).facts.finishReason).toBeUndefined();
    },
  );

  it('takes the last reason of several choices', () => {
    const { facts } = decodeChatCompletion(
      answer(`${choice('"length"')},${choice('"stop"')},${choice('null')}`),
      target,
    );
    expect([facts.finishReason, facts.finished.size]).toEqual(['stop', 3]);
  });

  it('keeps no name and no reason that is longer than any is', () => {
    const long = 'x'.repeat(100_000);
    const body = Buffer.from(`{"model":"${long}","choices":[${choice(`"${long}"`)}]}`);
    const { facts, json } = decodeChatCompletion(body, target);
    expect([facts.model, facts.finishReason?.length]).toEqual([target.model, 256]);
    expect(JSON.parse(json.toString())).toMatchObject({ model: target.model });
  });

  it('has a short answer leave as its text, and a long one as the bytes that came', () => {
    const saying = (text: string): Buffer => answer(`{"message":{"content":"${text}"}}`);
    const short = saying('ü');
    expect(decodeChatCompletion(short, target).json).toBe(short.toString());
    const long = saying('ü'.repeat(5_000));
    expect(decodeChatCompletion(long, target).json).toBe(long);
  });

  it('refuses more choices than anybody may ask for', () => {
    const many = (count: number): Buffer => answer(Array<string>(count).fill('{"message":{}}').join(','));
    expect(decodeChatCompletion(many(128), target).facts.deltas).toBe(128);
    expect(() => decodeChatCompletion(many(129), target)).toThrow(
      expect.objectContaining({ reason: 'malformed' }) as Error,
    );
  });
});
