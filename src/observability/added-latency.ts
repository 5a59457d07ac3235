import { type RequestContext } from '../kernel/request-context.js';

/** What the gateway itself added until the first content, ms: neither upstream nor queue. */
export function addedMs(ctx: RequestContext, firstContentAt: number): number {
  let upstream = 0;
  for (const { startedAt, firstContentAt: content, endedAt } of ctx.attempts) {
    upstream += (content ?? endedAt ?? startedAt) - startedAt;
  }
  return Math.max(0, firstContentAt - ctx.receivedAt - upstream - ctx.queuedMs);
}
