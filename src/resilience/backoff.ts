import { type Clock } from '../kernel/clock.js';

const BASE_MS = 100;
const CAP_MS = 2_000;
const RETRY_AFTER_JITTER_MS = 250;

/**
 * Full jitter (Brooker, "Exponential Backoff and Jitter"): uniform in [0, min(2 s, 100 ms x 2^(n-1), remaining)).
 * `retry` counts from 1; `remainingMs` is what is left of the request's deadline.
 */
export function fullJitterMs(clock: Clock, retry: number, remainingMs: number): number {
  const ceiling = Math.min(CAP_MS, BASE_MS * 2 ** (retry - 1), Math.max(0, remainingMs));
  return clock.random() * ceiling;
}

/**
 * The wait for an upstream that named it: exactly that plus up to 250 ms, so that not all return at once.
 * undefined = longer than `maxWaitMs` or than what remains of the deadline: this target is out.
 */
export function retryAfterWaitMs(
  clock: Clock,
  askedMs: number,
  maxWaitMs: number,
  remainingMs: number,
): number | undefined {
  const wait = askedMs + clock.random() * RETRY_AFTER_JITTER_MS;
  return askedMs > maxWaitMs || wait >= remainingMs ? undefined : wait;
}
