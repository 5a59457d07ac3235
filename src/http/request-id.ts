import { type IncomingMessage } from 'node:http';
import { ulid } from '../kernel/ulid.js';

const ACCEPTED = /^[A-Za-z0-9._-]{1,128}$/;
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The caller's X-Request-ID where it is harmless, else a new one. */
export function requestIdOf(request: Pick<IncomingMessage, 'headers'>, wallMs: number): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && ACCEPTED.test(given) ? given : `req_${ulid(wallMs)}`;
}

/** The caller's W3C traceparent where it is valid (version 00), else undefined. */
export function traceparentOf(request: Pick<IncomingMessage, 'headers'>): string | undefined {
  const given = request.headers['traceparent'];
  return typeof given === 'string' && TRACEPARENT.test(given) ? given : undefined;
}
