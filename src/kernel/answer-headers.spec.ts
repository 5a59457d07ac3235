import { describe, expect, it } from 'vitest';
import { AnswerHeaders } from './answer-headers.js';

describe('headers of an answer', () => {
  it('hold each name once, with the value that it was given last', () => {
    const headers = new AnswerHeaders();
    headers.set('x-a', '1');
    headers.set('x-b', '2');
    headers.set('x-a', '3');
    expect(headers.toObject()).toEqual({ 'x-a': '3', 'x-b': '2' });
    expect(headers.takeList()).toEqual(['x-a', '3', 'x-b', '2']);
  });

  it('ask for what is known late when they are written', () => {
    const headers = new AnswerHeaders();
    let value = 'too early';
    headers.setLate('x-late', () => value);
    value = 'right';
    expect(headers.toObject()).toEqual({ 'x-late': 'right' });
    expect(headers.takeList()).toEqual(['x-late', 'right']);
  });
});
