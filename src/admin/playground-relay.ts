import { type FastifyReply } from 'fastify';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { type AddressInfo } from 'node:net';
import { GatewayError } from '../kernel/gateway-error.js';

/** The public listener's address. */
export type PublicAddress = () => AddressInfo;
export const PUBLIC_ADDRESS = Symbol('PublicAddress');

const PATH = '/v1/chat/completions';
const SENT = ['authorization', 'x-provider-priority', 'x-no-failover', 'x-request-id', 'x-priority'] as const;
const RETURNED = /^(content-type|retry-after|x-request-id|x-gateway-.*)$/;
/** Longer than any request may take, ms. */
const IDLE_MS = 600_000;

/**
 * Sends a chat request to this process's own public listener, as its caller would, and passes the answer on as it comes.
 * Whoever leaves ends it. Resolves when the answer is over.
 * @throws GatewayError overloaded, where the public listener takes no connection
 */
export function relayChat(
  to: AddressInfo,
  body: Buffer,
  headers: IncomingHttpHeaders,
  reply: FastifyReply,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const upstream = request({
      host: reachable(to.address),
      port: to.port,
      path: PATH,
      method: 'POST',
      agent: false,
      timeout: IDLE_MS,
      headers: { ...picked(headers), 'content-type': 'application/json', 'content-length': body.length },
    });
    reply.raw.on('close', () => {
      upstream.destroy();
      resolve();
    });
    upstream.on('timeout', () => upstream.destroy());
    upstream.on('error', (cause) => {
      if (reply.raw.headersSent || reply.raw.destroyed) reply.raw.destroy();
      else reject(new GatewayError('overloaded', { cause }));
    });
    upstream.on('response', (answer) => passOn(answer, reply));
    upstream.end(body);
  });
}

function passOn(answer: IncomingMessage, reply: FastifyReply): void {
  reply.hijack();
  const headers = Object.entries(answer.headers).filter(([name]) => RETURNED.test(name));
  reply.raw.writeHead(answer.statusCode ?? 502, { ...Object.fromEntries(headers), 'cache-control': 'no-store' });
  answer.on('error', () => reply.raw.destroy());
  answer.pipe(reply.raw);
}

function picked(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(SENT.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])));
}

/** A listener on every address is reached through loopback. */
function reachable(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  return address === '::' ? '::1' : address;
}
