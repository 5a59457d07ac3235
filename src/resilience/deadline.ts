import { GatewayError } from '../kernel/gateway-error.js';

const MIN_MS = 100;
const MILLISECONDS = /^\d{1,15}$/;
const SECONDS = /^\d{1,12}(?:\.\d{1,9})?$/;

/**
 * The time that a request may take in all, ms: min(total, X-Request-Timeout-Ms, X-Stainless-Timeout seconds), within
 * [100 ms, total]. `X-Stainless-Timeout` is set by SDKs, not by people: what does not parse is passed over, and so is 0.
 * @throws GatewayError `invalid_value` where X-Request-Timeout-Ms is no positive whole number.
 */
export function requestTimeoutMs(
  totalMs: number,
  requestTimeout: string | undefined,
  stainlessTimeout: string | undefined,
): number {
  let timeout = totalMs;
  if (requestTimeout !== undefined) timeout = Math.min(timeout, parseRequestTimeout(requestTimeout.trim()));
  if (stainlessTimeout !== undefined && SECONDS.test(stainlessTimeout)) {
    const ms = Number(stainlessTimeout) * 1_000;
    if (ms > 0) timeout = Math.min(timeout, ms);
  }
  return Math.min(totalMs, Math.max(MIN_MS, timeout));
}

function parseRequestTimeout(text: string): number {
  const ms = MILLISECONDS.test(text) ? Number(text) : 0;
  if (ms > 0) return ms;
  throw new GatewayError('invalid_value', {
    message: 'X-Request-Timeout-Ms must be a positive whole number of milliseconds.',
    param: 'X-Request-Timeout-Ms',
  });
}
