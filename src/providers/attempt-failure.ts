import { type Target } from '../kernel/snapshot.js';
import { UpstreamFailure } from '../kernel/upstream.js';
import { type Bound } from './attempt-watch.js';
import { tellable } from './error-message.js';
import { type ResponseHead } from './response-head.js';

/** An attempt that waited too long; `isStream` where a stream was asked for. */
export function tooLate(bound: Bound, isStream: boolean): UpstreamFailure {
  switch (bound) {
    case 'first':
      return new UpstreamFailure('fault', isStream ? 'first_token_timeout' : 'response_timeout', 'elsewhere');
    case 'idle':
      return new UpstreamFailure('fault', 'idle_timeout', 'elsewhere');
    case 'deadline':
      return new UpstreamFailure('ignored', 'deadline', 'never');
  }
}

/** An answer that ended before it was complete. */
export function truncated(): UpstreamFailure {
  return new UpstreamFailure('fault', 'truncated', 'elsewhere');
}

/** @throws UpstreamFailure where the answer is compressed: nobody asked for that */
export function checkEncoding(head: ResponseHead): void {
  const encoding = head.get('content-encoding');
  if (encoding !== undefined && encoding !== 'identity') throw new UpstreamFailure('fault', 'malformed', 'elsewhere');
}

/** What stopped a decoder was in the upstream's bytes; and an upstream may quote our credential in its error. */
export function asFailure(error: unknown, target: Target): UpstreamFailure {
  if (!(error instanceof UpstreamFailure))
    return new UpstreamFailure('fault', 'malformed', 'elsewhere', { cause: error });
  const { outcome, reason, retryable, details } = error;
  if (!details.error) return error;
  const told = tellable(details.error, target.provider.apiKey?.reveal());
  return new UpstreamFailure(outcome, reason, retryable, { ...details, error: told });
}
