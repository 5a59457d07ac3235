import { type RequestContext } from '../kernel/request-context.js';

/** Where the time of a request went, ms: parts that follow each other and add up to the whole. */
export interface RequestStages {
  /** From the head's arrival to a body that was read and is valid. */
  readonly receive: number;
  /** Rights of the key, content rules. */
  readonly guard: number;
  /** The quota store's answer. */
  readonly quota: number;
  /** The choice of targets, and pauses between attempts. */
  readonly route: number;
  /** Waiting for a place at a target. */
  readonly queue: number;
  /** Attempts, up to the first content or the last failure. */
  readonly upstream: number;
  /** From the first content to the end. */
  readonly send: number;
}

/** The stages of an ended request; those that it did not reach are 0. */
export function stagesOf(ctx: RequestContext, endedAt: number): RequestStages {
  const { receivedAt, queuedMs } = ctx;
  const begunAt = ctx.firstContentAt ?? endedAt;
  const readAt = ctx.readAt ?? begunAt;
  const checkedAt = ctx.checkedAt ?? begunAt;
  const reservedAt = ctx.reservedAt ?? begunAt;
  let upstream = 0;
  for (const { startedAt, firstContentAt, endedAt: attemptEnd } of ctx.attempts) {
    upstream += (firstContentAt ?? attemptEnd ?? begunAt) - startedAt;
  }
  return {
    receive: readAt - receivedAt,
    guard: checkedAt - readAt,
    quota: reservedAt - checkedAt,
    route: Math.max(0, begunAt - reservedAt - queuedMs - upstream),
    queue: queuedMs,
    upstream,
    send: endedAt - begunAt,
  };
}
