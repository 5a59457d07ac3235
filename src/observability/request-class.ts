import { type RequestContext } from '../kernel/request-context.js';
import { type Priority } from '../kernel/snapshot.js';

/** Does a request count for or against the availability objective, or not at all? */
export type RequestClass = 'good' | 'bad' | 'excluded';

/** Refusals that protect the gateway: deserved by a caller of the lowest band, a failure towards any other. */
const SHED: ReadonlySet<string> = new Set(['overloaded', 'queue_timeout']);

/**
 * `bad` is a 5xx, or a stream that ended with an error event. `excluded` are 4xx (the caller's own limits too), callers
 * that left, and requests of the band `sheddable` that were shed. The rest is `good`.
 */
export function classOf(ctx: RequestContext): RequestClass {
  const { status } = ctx;
  if (ctx.end === 'cancelled') return 'excluded';
  if (ctx.end === 'broken') return 'bad';
  return status >= 400 ? classOfRefusal(status, ctx.code, ctx.principal.priority) : 'good';
}

/** The class of an answer that is an error, by the band of its caller. */
export function classOfRefusal(status: number, code: string | undefined, band: Priority): RequestClass {
  if (status < 500) return 'excluded';
  return band === 'sheddable' && code !== undefined && SHED.has(code) ? 'excluded' : 'bad';
}
