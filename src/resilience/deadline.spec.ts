import { describe, expect, it } from 'vitest';
import { GatewayError } from '../kernel/gateway-error.js';
import { requestTimeoutMs } from './deadline.js';

describe('requestTimeoutMs', () => {
  it.each<[string, string | undefined, string | undefined, number]>([
    ['the total without headers', undefined, undefined, 600_000],
    ['the caller’s milliseconds', '2000', undefined, 2_000],
    ['the SDK’s seconds', undefined, '2.5', 2_500],
    ['the smaller of both', '5000', '2', 2_000],
    ['at least 100 ms', '1', undefined, 100],
    ['at most the total', '99999999', '9999999', 600_000],
    ['no SDK timeout that makes no sense', undefined, 'never', 600_000],
    ['no SDK timeout of zero', undefined, '0', 600_000],
    ['no negative SDK timeout', undefined, '-3', 600_000],
  ])('takes %s', (_name, requestTimeout, stainlessTimeout, expected) => {
    expect(requestTimeoutMs(600_000, requestTimeout, stainlessTimeout)).toBe(expected);
  });

  it('never exceeds a total below 100 ms', () => {
    expect(requestTimeoutMs(50, '10', undefined)).toBe(50);
  });

  it.each(['0', '-1', 'abc', '1.5', '', '1e3', '99999999999999999'])('rejects X-Request-Timeout-Ms %j', (text) => {
    expect(() => requestTimeoutMs(600_000, text, undefined)).toThrow(GatewayError);
  });
});
