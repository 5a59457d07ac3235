import { type ErrorObject } from '../../kernel/gateway-error.js';
import { type FailureDetails, type ResponseHeaders, UpstreamFailure } from '../../kernel/upstream.js';
import { withoutUrls } from '../error-message.js';

const CONTEXT_LENGTH = /context[ _](length|size|window)|exceed_context_size/i;
const CONTENT_POLICY = /content_(policy|filter)|content management policy/i;

/**
 * An upstream's error in OpenAI's shape, whatever shape it came in: an object, a string, FastAPI's `detail`.
 * URLs are taken out of the message: they may be internal.
 */
export function errorObject(body: unknown): ErrorObject | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const { error, detail } = body as { error?: unknown; detail?: unknown };
  const source = error ?? detail;
  if (typeof source === 'string') return shape(source, undefined, undefined, undefined);
  if (typeof source !== 'object' || source === null) return undefined;
  const { message, type, param, code } = source as Record<string, unknown>;
  return shape(typeof message === 'string' ? message : JSON.stringify(source), type, param, code);
}

function shape(message: string, type: unknown, param: unknown, code: unknown): ErrorObject {
  return {
    message: withoutUrls(message),
    type: typeof type === 'string' ? type : 'invalid_request_error',
    param: typeof param === 'string' ? param : null,
    code: typeof code === 'string' || typeof code === 'number' ? String(code) : null,
  };
}

/** What an error answer of an OpenAI-compatible upstream means. */
export function classifyError(status: number, headers: ResponseHeaders, body: Buffer): UpstreamFailure {
  const error = errorObject(parse(body));
  const details: FailureDetails = { status, headers, ...(error && { error }) };
  const said = `${error?.code ?? ''} ${error?.type ?? ''} ${error?.message ?? ''}`;
  if (said.includes('insufficient_quota'))
    return new UpstreamFailure('fault', 'insufficient_quota', 'elsewhere', details);
  switch (status) {
    case 400:
    case 413:
    case 422:
      if (CONTEXT_LENGTH.test(said)) return new UpstreamFailure('ignored', 'context_length', 'elsewhere', details);
      if (CONTENT_POLICY.test(said)) return new UpstreamFailure('ignored', 'content_policy', 'never', details);
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
  return status === 503 && ('retry-after' in headers || 'retry-after-ms' in headers)
    ? new UpstreamFailure('throttle', 'overloaded', 'same', details)
    : new UpstreamFailure('fault', 'server_error', 'same', details);
}

/** An error object inside a 200: classified as the status that it stands for. */
export function errorInAnswer(body: unknown): UpstreamFailure | undefined {
  const error = errorObject(typeof body === 'object' && body !== null && 'error' in body ? body : undefined);
  if (!error) return undefined;
  const status = Number(error.code);
  const known = status >= 400 && status < 600 ? status : statusOf(`${error.type} ${error.code ?? ''}`);
  if (known === 500) return new UpstreamFailure('fault', 'error_in_answer', 'same', { error });
  return classifyError(known, {}, Buffer.from(JSON.stringify({ error })));
}

function statusOf(said: string): number {
  if (/rate_limit|too_many_requests/i.test(said)) return 429;
  if (CONTEXT_LENGTH.test(said) || CONTENT_POLICY.test(said)) return 400;
  if (/overloaded/i.test(said)) return 529;
  return 500;
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
