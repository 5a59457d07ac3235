import { FastifyAdapter } from '@nestjs/platform-fastify';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, type FastifyServerOptions } from 'fastify';
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { type Clock } from '../kernel/clock.js';
import { GatewayError } from '../kernel/gateway-error.js';
import { TurnBatch } from '../kernel/turn-batch.js';
import { clientErrorHandler } from './client-error.js';
import { toGatewayError } from './error-answer.js';
import { readChatBody } from './json-body.js';
import { isPipelined, waitForTurn } from './pipelining.js';
import { requestIdOf } from './request-id.js';

const MAX_HEADER_BYTES = 16 * 1024;
const MAX_HEADERS = 100;
/** The longest model name, in a path. */
const MAX_PARAM_LENGTH = 256;
/** What must not come twice: which of the two counts would be anybody's guess. */
const SINGLE = ['authorization', 'host'] as const;
/** Bodies are bounded by the snapshot in force, where they are read. */
const NO_BODY_LIMIT = Number.MAX_SAFE_INTEGER;

/** A Fastify server with the defaults closed that are unsafe for a public port: unbounded bodies in time, lenient types. */
export function fastifyAdapter(clock: Clock, bodyLimit = NO_BODY_LIMIT): FastifyAdapter {
  const options: unknown = {
    bodyLimit,
    requestTimeout: 30_000,
    keepAliveTimeout: 75_000,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    // Nothing here is Express-style middleware: the door is a hook, and the engine for it costs every request.
    skipMiddie: true,
    requestIdHeader: false,
    genReqId: (request: IncomingMessage) => requestIdOf(request, clock.wall()),
    clientErrorHandler: clientErrorHandler(clock),
    http: {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: 10_000,
      connectionsCheckingInterval: 5_000,
      noDelay: true,
      // Refused by checkRequest instead, with a body: Node answers without one.
      requireHostHeader: false,
    },
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    frameworkErrors: answerFrameworkError,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, strict: false } },
  };
  return new FastifyAdapter(options as FastifyServerOptions);
}

/** What the public listener does with a request before its body is read. */
export type OpenRequest = (request: FastifyRequest, reply: FastifyReply) => void;

/** Adds the request id, the framing checks and the way into chat requests to a public server. */
export function guardEntrance(server: FastifyInstance, chatPath: string, open: OpenRequest, clock: Clock): void {
  const bodies = new TurnBatch(clock);
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', (request: FastifyRequest, _payload, done) => {
    readChatBody(request, done, bodies);
  });
  for (const event of ['checkContinue', 'checkExpectation']) {
    server.server.on(event, (request: IncomingMessage, response: ServerResponse) => {
      // Whoever opens the request says when the body may come: after the key was checked.
      server.server.emit('request', request, response);
    });
  }
  const enter = (request: FastifyRequest, reply: FastifyReply): void => {
    checkRequest(request);
    if (request.raw.httpVersionMinor === 0) reply.raw.shouldKeepAlive = false;
    // Answers of chat requests carry the id among the headers that their encoder or the filter writes at once.
    if (request.routeOptions.url === chatPath && request.method === 'POST') open(request, reply);
    else void reply.header('x-request-id', request.id);
  };
  server.addHook('onRequest', (request, reply, done) => {
    const begin = (): void => {
      try {
        enter(request, reply);
        done();
      } catch (error) {
        done(error as Error);
      }
    };
    // The answer before it said that the connection closes: nothing behind that is a request any more.
    if (request.raw.socket.writableEnded) return;
    if (isPipelined(reply.raw)) waitForTurn(reply.raw, request.raw.socket, begin);
    else begin();
  });
}

function checkRequest({ raw }: FastifyRequest): void {
  const { rawHeaders, headers } = raw;
  if (rawHeaders.length > MAX_HEADERS * 2) throw new GatewayError('headers_too_large');
  const hostless = headers.host === undefined && raw.httpVersionMinor > 0;
  if (raw.httpVersionMajor !== 1 || hostless || raw.url?.startsWith('/') === false) {
    throw new GatewayError('bad_request');
  }
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue') {
    throw new GatewayError('bad_request', { message: 'The expectation cannot be met.' });
  }
  for (const name of SINGLE) {
    if (isRepeated(rawHeaders, name)) {
      throw new GatewayError('bad_request', { message: `The header '${name}' appears twice.` });
    }
  }
}

/** @param rawHeaders name, value, name, value …, as received */
function isRepeated(rawHeaders: readonly string[], name: string): boolean {
  let seen = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const given = rawHeaders[at];
    if (given?.length === name.length && given.toLowerCase() === name) seen++;
  }
  return seen > 1;
}

/** Answers what Fastify refuses before any hook or filter: a path that cannot be decoded, or is too long. */
function answerFrameworkError(thrown: Error, request: FastifyRequest, reply: FastifyReply): void {
  const error = toGatewayError(thrown);
  void reply
    .code(error.status)
    .headers({ ...error.headers, 'x-request-id': request.id })
    .type('application/json; charset=utf-8')
    .send({ error: error.toObject() });
}
