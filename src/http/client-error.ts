import { type Socket } from 'node:net';
import { STATUS_CODES } from 'node:http';
import { requestRefused } from '../kernel/channels.js';
import { type Clock } from '../kernel/clock.js';
import { type ErrorCode, GatewayError } from '../kernel/gateway-error.js';
import { ulid } from '../kernel/ulid.js';
import { endAndLinger } from './lingering-close.js';

/** What Node's parser and timers refuse before any handler sees a request. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

/** Returns the handler that answers a connection whose bytes are no request, in OpenAI's shape, and closes it. */
export function clientErrorHandler(clock: Clock): (error: Error & { code?: string }, socket: Socket) => void {
  return (error, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const refusal = new GatewayError(CODES[error.code ?? ''] ?? 'bad_request');
    requestRefused.publish({ code: refusal.code, status: refusal.status, priority: 'default' });
    const body = JSON.stringify({ error: refusal.toObject() });
    const head = [
      `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status] ?? 'Error'}`,
      'content-type: application/json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      `x-request-id: req_${ulid(clock.wall())}`,
      'connection: close',
    ];
    endAndLinger(socket, `${head.join('\r\n')}\r\n\r\n${body}`, clock);
  };
}
