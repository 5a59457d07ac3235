import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnswerHeaders } from '../kernel/answer-headers.js';
import { openAiDuration, retryHeaders, writeRateHeaders } from './rate-headers.js';

const SECOND = 1_000_000;
const written = (...levels: Parameters<typeof writeRateHeaders>[1][]) => {
  const headers = new AnswerHeaders();
  for (const level of levels) writeRateHeaders(headers, level);
  return headers.toObject();
};

describe("OpenAI's notation of a duration", () => {
  it.each([
    [0, '0ms'],
    [1, '1ms'],
    [12_000, '12ms'],
    [999_000, '999ms'],
    [999_001, '1s'],
    [SECOND, '1s'],
    [1.5 * SECOND, '1.5s'],
    [1_501_000, '1.51s'],
    [59_990_000, '59.99s'],
    [60 * SECOND, '1m0s'],
    [360 * SECOND, '6m0s'],
    [3600 * SECOND, '1h0m0s'],
    [3_725_000_001, '1h2m6s'],
  ])('writes %i µs as %s', (us, text) => {
    expect(openAiDuration(us)).toBe(text);
  });
});

describe('rate limit headers', () => {
  it('tell limit, remaining and reset of the limits that the key has', () => {
    const requests = { limit: 60, remaining: 9.7, resetUs: 50 * SECOND };
    expect(written({ requests, tokens: undefined })).toEqual({
      'x-ratelimit-limit-requests': '60',
      'x-ratelimit-remaining-requests': '9',
      'x-ratelimit-reset-requests': '50s',
    });
    expect(Object.keys(written({ requests, tokens: requests }))).toHaveLength(6);
    expect(written({ requests: undefined, tokens: undefined })).toEqual({});
  });

  it('never tell a negative remainder', () => {
    const tokens = { limit: 60, remaining: -3, resetUs: 0 };
    expect(written({ requests: undefined, tokens })['x-ratelimit-remaining-tokens']).toBe('0');
  });
});

describe('retry headers', () => {
  it('are never too early, and late by less than 1 ms and 1 s', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 ** 11 }), (us) => {
        const headers = retryHeaders(us);
        const late = Number(headers['retry-after-ms']) * 1000 - us;
        expect(late >= 0 && late < 1000).toBe(true);
        const lateSeconds = Number(headers['retry-after']) * SECOND - us;
        expect(lateSeconds >= 0 && lateSeconds < SECOND + 1000).toBe(true);
      }),
    );
  });

  it('ask for one second at least in whole seconds', () => {
    expect(retryHeaders(10)).toEqual({ 'retry-after': '1', 'retry-after-ms': '1' });
  });
});
