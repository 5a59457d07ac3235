import { type ErrorObject } from '../../kernel/gateway-error.js';
import { type FailureDetails, type ResponseHeaders, UpstreamFailure } from '../../kernel/upstream.js';
import { withoutUrls } from '../error-message.js';

const CONTEXT_LENGTH = /prompt is too long|exceed context limit|context window/i;
const CONTENT_POLICY = /content filtering policy/i;
/** Money that ran out is told as 400, 402 or 429, by type, code or message. */
const QUOTA = /credit balance is too low|API usage limits|billing_error|spend_limit_reached/i;

/** The status that each error type goes with, for errors inside a 200. New types will come: they count as the upstream's fault. */
const STATUS_OF_TYPE: ReadonlyMap<string, number> = new Map([
  ['invalid_request_error', 400],
  ['authentication_error', 401],
  ['billing_error', 402],
  ['permission_error', 403],
  ['not_found_error', 404],
  ['conflict_error', 409],
  ['request_too_large', 413],
  ['rate_limit_error', 429],
  ['api_error', 500],
  ['timeout_error', 504],
  ['overloaded_error', 529],
]);

/** What an answer other than 2xx means. */
export function classifyError(status: number, headers: ResponseHeaders, body: Buffer): UpstreamFailure {
  const parsed = parse(body);
  const error = errorObject(parsed);
  return failureOf(status, said(parsed, error), { status, headers, ...(error && { error }) });
}

/** An error object in an answer or a stream that began with 200; undefined where there is none. */
export function errorInAnswer(body: unknown): UpstreamFailure | undefined {
  const error = errorObject(body);
  return error && failureOf(STATUS_OF_TYPE.get(error.type) ?? 500, said(body, error), { error });
}

function failureOf(status: number, text: string, details: FailureDetails): UpstreamFailure {
  if (status < 500 && QUOTA.test(text)) return new UpstreamFailure('fault', 'insufficient_quota', 'elsewhere', details);
  switch (status) {
    case 400:
    case 413:
    case 422:
      if (CONTEXT_LENGTH.test(text)) return new UpstreamFailure('ignored', 'context_length', 'elsewhere', details);
      if (CONTENT_POLICY.test(text)) return new UpstreamFailure('ignored', 'content_policy', 'never', details);
      return new UpstreamFailure('ignored', 'rejected', 'never', details);
    case 408:
    case 409:
    case 425:
      return new UpstreamFailure('fault', 'server_error', 'same', details);
    case 429:
      return new UpstreamFailure('throttle', 'throttled', 'same', details);
    case 529:
      return new UpstreamFailure('throttle', 'overloaded', 'same', details);
  }
  if (status < 500) return new UpstreamFailure('fault', 'configuration', 'elsewhere', details);
  const { headers } = details;
  return status === 503 && headers && ('retry-after' in headers || 'retry-after-ms' in headers)
    ? new UpstreamFailure('throttle', 'overloaded', 'same', details)
    : new UpstreamFailure('fault', 'server_error', 'same', details);
}

/** `{"type":"error","error":{type, message}}` in OpenAI's shape. URLs are taken out: they may be internal. */
function errorObject(body: unknown): ErrorObject | undefined {
  const error = member(body, 'error');
  if (typeof error !== 'object' || error === null) return undefined;
  const type = member(error, 'type');
  const message = member(error, 'message');
  return {
    message: withoutUrls(typeof message === 'string' ? message : JSON.stringify(error)),
    type: typeof type === 'string' ? type.slice(0, 64) : 'api_error',
    param: null,
    code: null,
  };
}

/** All words that a class can be told by; the code is the steadiest, but few errors have one. */
function said(body: unknown, error: ErrorObject | undefined): string {
  const code = member(member(member(body, 'error'), 'details'), 'error_code');
  return `${error?.type ?? ''} ${typeof code === 'string' ? code : ''} ${error?.message ?? ''}`;
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
