import { type Clock } from '../kernel/clock.js';
import { type ErrorCode, GatewayError } from '../kernel/gateway-error.js';
import { type AttemptRecord, type RequestContext } from '../kernel/request-context.js';
import { type FailureReason, type UpstreamFailure } from '../kernel/upstream.js';

/** What the caller is told when the last attempt failed for a reason. */
const CODES: Readonly<Record<FailureReason, ErrorCode>> = {
  connect_error: 'upstream_error',
  connect_timeout: 'upstream_timeout',
  reset: 'upstream_error',
  first_token_timeout: 'upstream_timeout',
  idle_timeout: 'upstream_timeout',
  response_timeout: 'upstream_timeout',
  server_error: 'upstream_error',
  malformed: 'upstream_error',
  truncated: 'upstream_error',
  too_large: 'upstream_error',
  error_in_answer: 'upstream_error',
  throttled: 'no_provider_available',
  overloaded: 'no_provider_available',
  insufficient_quota: 'no_provider_available',
  configuration: 'upstream_configuration',
  rejected: 'upstream_invalid_request',
  content_policy: 'upstream_invalid_request',
  context_length: 'context_length_exceeded',
  deadline: 'deadline_exceeded',
  shutting_down: 'shutting_down',
  lease_lost: 'lease_lost',
  cancelled: 'internal_error',
};

/** An upstream's failure as the caller may see it: only a refusal of its own request is told in the upstream's words. */
export function callerError(failure: UpstreamFailure, ctx: RequestContext, clock: Clock): GatewayError {
  // A deadline that passed while an attempt ran is the deadline's doing, whatever ended the attempt.
  const code = clock.now() >= ctx.deadline ? 'deadline_exceeded' : CODES[failure.reason];
  const headers = { 'x-gateway-attempts': String(ctx.attempts.length), ...failedProviders(ctx) };
  const { status, error } = failure.details;
  if (code !== 'upstream_invalid_request' && code !== 'context_length_exceeded')
    return new GatewayError(code, { headers });
  return new GatewayError(code, {
    headers: { ...headers, 'x-should-retry': 'false' },
    status: status !== undefined && status >= 400 && status < 500 ? status : 400,
    ...(error && { message: error.message, publicCode: code === 'context_length_exceeded' ? code : error.code }),
    ...(error?.param && { param: error.param }),
  });
}

/** The configured names of the providers that failed before the one that answered. */
export function failedProviders(ctx: RequestContext): Record<string, string> {
  const failed = ctx.attempts.filter((attempt) => isFailed(attempt, ctx));
  const names = [...new Set(failed.map(({ target }) => target.provider.name))];
  return names.length > 0 ? { 'x-gateway-failed-providers': names.join(',') } : {};
}

/** A hedge that was outrun did not fail. */
function isFailed(attempt: AttemptRecord, { answeredBy }: RequestContext): boolean {
  return attempt !== answeredBy && attempt.outcome !== undefined && attempt.reason !== 'cancelled';
}
