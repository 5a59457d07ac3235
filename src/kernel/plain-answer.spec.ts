import { describe, expect, it } from 'vitest';
import { plainAnswerOf, SHORT_ANSWER_BYTES } from './plain-answer.js';

describe('plainAnswerOf', () => {
  it('leaves a short answer text', () => {
    const short = 'ü'.repeat(SHORT_ANSWER_BYTES);
    expect(plainAnswerOf(short)).toBe(short);
  });

  it('makes a long answer bytes, which do not fill the heap while a slow caller reads', () => {
    const long = 'ü'.repeat(SHORT_ANSWER_BYTES + 1);
    expect(plainAnswerOf(long)).toEqual(Buffer.from(long));
  });
});
