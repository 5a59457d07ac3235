import { type ResponseHeaders, UpstreamFailure } from '../../../src/kernel/upstream.js';

const MAX_MESSAGE = 1_000;
/** Addresses may be internal: callers never see them. */
const URL_LIKE = /\b[a-z][a-z0-9+.-]*:\/\/[^\s"')]+/gi;

/** A fault told inside a 200: `{"kind":"fault","status":429,"why":"…"}`; undefined where there is none. */
export function parrotFault(body: unknown): UpstreamFailure | undefined {
  if (typeof body !== 'object' || body === null || !('status' in body)) return undefined;
  return classifyFault(Number(body.status), {}, body);
}

/** What a status means: who is at fault, and who may try again. */
export function classifyFault(status: number, headers: ResponseHeaders, body: unknown): UpstreamFailure {
  const error = errorObject(body);
  const details = { status, headers, ...(error && { error }) };
  switch (status) {
    case 400:
    case 413:
    case 422:
      return new UpstreamFailure('ignored', 'rejected', 'never', details);
    case 408:
      return new UpstreamFailure('fault', 'server_error', 'same', details);
    case 429:
      return new UpstreamFailure('throttle', 'throttled', 'same', details);
    case 529:
      return new UpstreamFailure('throttle', 'overloaded', 'same', details);
    default:
      return status < 500
        ? new UpstreamFailure('fault', 'configuration', 'elsewhere', details)
        : new UpstreamFailure('fault', 'server_error', 'same', details);
  }
}

function errorObject(body: unknown) {
  if (typeof body !== 'object' || body === null || !('why' in body) || typeof body.why !== 'string') return undefined;
  const message = body.why.replace(URL_LIKE, '[url]').slice(0, MAX_MESSAGE);
  return { message, type: 'invalid_request_error', param: null, code: null };
}
