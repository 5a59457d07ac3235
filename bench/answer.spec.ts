import { describe, expect, it } from 'vitest';
import { Answer, faultOfJson, faultOfStream, isShed } from './answer.mjs';

const event = 'data: {"choices":[{"delta":{"content":" word"}}]}\n\n';
const usage = 'data: {"choices":[],"usage":{"total_tokens":3}}\n\n';
const done = 'data: [DONE]\n\n';
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;

/** The body, when the answer arrives in two pieces; it must be whole with the second and not before. */
function bodyOfSplit(text: string, at: number): string {
  const answer = new Answer();
  const bytes = Buffer.from(text);
  expect(answer.add(bytes.subarray(0, at))).toBe(false);
  expect(answer.add(bytes.subarray(at))).toBe(true);
  expect(answer.status()).toBe(200);
  return answer.body();
}

describe('Answer', () => {
  it('is whole at its content-length, wherever it was cut', () => {
    const text = 'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"a":"bcd"}';
    for (let at = 1; at < text.length; at++) expect(bodyOfSplit(text, at)).toBe('{"a":"bcd"}');
  });

  it('is whole at its last chunk, wherever it was cut', () => {
    const text = `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${chunk(event)}${chunk(done)}0\r\n\r\n`;
    for (let at = 1; at < text.length; at++) expect(bodyOfSplit(text, at)).toBe(event + done);
  });
});

describe('faultOfStream', () => {
  it('finds nothing in a stream with every event, usage and [DONE]', () => {
    expect(faultOfStream(event + event + usage + done, 2)).toBeUndefined();
  });

  it('names a lost event, a lost end and lost usage', () => {
    expect(faultOfStream(event + usage + done, 2)).toContain('1 content events');
    expect(faultOfStream(event + event + usage, 2)).toContain('[DONE]');
    expect(faultOfStream(event + event + done, 2)).toContain('usage');
  });
});

describe('faultOfJson', () => {
  it('accepts an answer with content and usage alone', () => {
    const choices = [{ message: { content: 'word' } }];
    expect(faultOfJson(JSON.stringify({ choices, usage: { total_tokens: 3 } }))).toBeUndefined();
    expect(faultOfJson(JSON.stringify({ choices, usage: { total_tokens: 0 } }))).toBe('no usage');
    expect(faultOfJson('{"choices":[')).toContain('does not parse');
  });
});

describe('isShed', () => {
  it('knows a refusal for want of room from any other 503', () => {
    expect(isShed(503, '{"error":{"code":"overloaded"}}')).toBe(true);
    expect(isShed(503, '{"error":{"code":"no_provider_available"}}')).toBe(false);
    expect(isShed(200, '"overloaded"')).toBe(false);
  });
});
