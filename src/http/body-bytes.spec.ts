import { describe, expect, it } from 'vitest';
import { BodyBytes } from './body-bytes.js';

const text = 'The quick brown fox jumps over the lazy dog. ';

function bodyOf(most: number, pieces: readonly string[]): BodyBytes {
  const body = new BodyBytes(most);
  for (const piece of pieces) body.add(Buffer.from(piece));
  return body;
}

describe('BodyBytes', () => {
  it.each([
    ['as long as announced', 9 * text.length],
    ['longer than announced', 10],
    ['shorter than announced', 1_000_000],
  ])('puts a body together that is %s', (_name, announced) => {
    const body = bodyOf(announced, Array<string>(9).fill(text));
    expect(body.size).toBe(9 * text.length);
    expect(body.take().toString()).toBe(text.repeat(9));
  });

  it('copies nothing of a body that comes in one piece', () => {
    const piece = Buffer.from(text);
    const body = new BodyBytes(text.length);
    body.add(piece);
    expect(body.take()).toBe(piece);
  });

  it('leaves small pieces as they were', () => {
    const pieces = [Buffer.from('one'), Buffer.from('two'), Buffer.from('three')];
    const body = new BodyBytes(0);
    for (const piece of pieces) body.add(piece);
    expect(body.take().toString()).toBe('onetwothree');
    expect(pieces.map(String)).toEqual(['one', 'two', 'three']);
  });

  it('takes pieces without bytes, and none at all', () => {
    expect(bodyOf(0, ['', 'a', '', 'b']).take().toString()).toBe('ab');
    expect(bodyOf(5, []).take()).toHaveLength(0);
  });

  it('holds little for a caller who announces much and sends little', () => {
    expect(bodyOf(10_000_000, ['a'.repeat(100), 'b'.repeat(100)]).take().buffer.byteLength).toBe(800);
  });

  it('holds no more than may come', () => {
    expect(bodyOf(300, ['a'.repeat(100), 'b'.repeat(100), 'c'.repeat(100)]).take().buffer.byteLength).toBe(300);
  });

  it('gives the memory of large pieces back as soon as they are copied, and keeps the whole', () => {
    const pieces = ['a', 'b', 'c'].map((letter) => Buffer.allocUnsafeSlow(64 * 1024).fill(letter));
    const body = new BodyBytes(3 * 64 * 1024);
    for (const piece of pieces) body.add(piece);
    expect(pieces.map(({ length }) => length)).toEqual([0, 0, 0]);
    expect(body.take().toString()).toBe(['a', 'b', 'c'].map((letter) => letter.repeat(64 * 1024)).join(''));
  });
});
