import { type ExecutionContext } from '@nestjs/common';
import { type FastifyRequest } from 'fastify';
import { type IncomingMessage } from 'node:http';
import { type RequestContext } from '../kernel/request-context.js';

const SLOT = Symbol('RequestContext');

interface WithContext extends IncomingMessage {
  [SLOT]?: RequestContext;
}

/** Hangs the context on the raw request, where everything that handles the request finds it. */
export function attachContext(raw: IncomingMessage, ctx: RequestContext): void {
  (raw as WithContext)[SLOT] = ctx;
}

/** The context of a request, or undefined on routes that open none. */
export function findContext(raw: IncomingMessage): RequestContext | undefined {
  return (raw as WithContext)[SLOT];
}

/** The request that a guard guards. Nest's `switchToHttp` makes three functions at each call, for each guard. */
export function requestOf(execution: ExecutionContext): FastifyRequest {
  return execution.getArgByIndex<FastifyRequest>(0);
}

/** @throws Error on a route that opens no context: a mistake in the wiring, not in the request */
export function contextOf(raw: IncomingMessage): RequestContext {
  const ctx = findContext(raw);
  if (!ctx) throw new Error('no request context on this route');
  return ctx;
}
