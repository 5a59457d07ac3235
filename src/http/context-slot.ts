import { type ExecutionContext } from '@nestjs/common';
import { type FastifyRequest } from 'fastify';
import { type RequestContext } from '../kernel/request-context.js';

const SLOT = Symbol('RequestContext');

interface WithContext extends FastifyRequest {
  [SLOT]?: RequestContext;
}

/** Hangs the context on the request, where everything that handles it finds it. */
export function attachContext(request: FastifyRequest, ctx: RequestContext): void {
  (request as WithContext)[SLOT] = ctx;
}

/** The context of a request, or undefined on routes that open none. */
export function findContext(request: FastifyRequest): RequestContext | undefined {
  return (request as WithContext)[SLOT];
}

/** The request that a guard guards. Nest's `switchToHttp` makes three functions at each call, for each guard. */
export function requestOf(execution: ExecutionContext): FastifyRequest {
  return execution.getArgByIndex<FastifyRequest>(0);
}

/** @throws Error on a route that opens no context: a mistake in the wiring, not in the request */
export function contextOf(request: FastifyRequest): RequestContext {
  const ctx = findContext(request);
  if (!ctx) throw new Error('no request context on this route');
  return ctx;
}
