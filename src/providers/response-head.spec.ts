import { describe, expect, it } from 'vitest';
import { ResponseHead } from './response-head.js';

describe('ResponseHead', () => {
  const head = new ResponseHead(200, 'Content-Type: text/plain\r\nX-A:1\r\nx-a:\t2 \r\nX-B:\r\n');

  it('finds headers whatever their case, and takes the last of a repeated one', () => {
    expect(head.get('content-type')).toBe('text/plain');
    expect(head.get('x-a')).toBe('2');
    expect(head.get('x-b')).toBe('');
    expect({ ...head.all() }).toEqual({ 'content-type': 'text/plain', 'x-a': '2', 'x-b': '' });
  });

  it('takes no part of a name, and no value, for a header', () => {
    expect(head.get('content-length')).toBeUndefined();
    expect(head.get('type')).toBeUndefined();
    expect(new ResponseHead(200, 'x: content-length: 5\r\n').get('content-length')).toBeUndefined();
  });

  it('is made of headers that no server sent', () => {
    expect({ ...ResponseHead.of(429, { 'retry-after': '1' }).all() }).toEqual({ 'retry-after': '1' });
  });
});
