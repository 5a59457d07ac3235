import { type AnswerHeaders } from '../kernel/answer-headers.js';
import { type RateLevel, type RateLevels } from './quota-store.js';

/** OpenAI's notation of a duration: `12ms`, `1s`, `1.5s`, `6m0s`, `1h0m0s`. */
export function openAiDuration(us: number): string {
  const ms = Math.ceil(us / 1000);
  if (ms < 1000) return `${ms}ms`;
  const seconds = Math.ceil(ms / 10) / 100;
  if (seconds < 60) return `${seconds}s`;
  const whole = Math.ceil(seconds);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return `${hours > 0 ? `${hours}h` : ''}${minutes}m${whole % 60}s`;
}

/** Writes `x-ratelimit-*` for the limits that the key has. */
export function writeRateHeaders(headers: AnswerHeaders, { requests, tokens }: RateLevels): void {
  if (requests) {
    headers.set('x-ratelimit-limit-requests', String(requests.limit));
    headers.set('x-ratelimit-remaining-requests', remaining(requests));
    headers.set('x-ratelimit-reset-requests', openAiDuration(requests.resetUs));
  }
  if (tokens) {
    headers.set('x-ratelimit-limit-tokens', String(tokens.limit));
    headers.set('x-ratelimit-remaining-tokens', remaining(tokens));
    headers.set('x-ratelimit-reset-tokens', openAiDuration(tokens.resetUs));
  }
}

function remaining(level: RateLevel): string {
  return String(Math.max(0, Math.floor(level.remaining)));
}

/** `retry-after` in whole seconds and `retry-after-ms`, both rounded up: a retry at that moment passes. */
export function retryHeaders(us: number): Record<string, string> {
  const ms = Math.ceil(us / 1000);
  return { 'retry-after': String(Math.max(1, Math.ceil(ms / 1000))), 'retry-after-ms': String(ms) };
}
