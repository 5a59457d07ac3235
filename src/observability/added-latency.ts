import { type RequestContext } from '../kernel/request-context.js';

/** What the gateway itself added until the first content, ms: neither upstream nor queue. */
export function addedMs(ctx: RequestContext, firstContentAt: number): number {
  // A stream that was held came when the upstream had ended it.
  const held = ctx.snapshot.resilience.midStream === 'hold';
  let upstream = 0;
  let until = 0;
  for (const { startedAt, firstContentAt: content, endedAt } of ctx.attempts) {
    // Hedged attempts overlap: their time counts once. One that began after the first content is none of it.
    const end = Math.min((held ? endedAt : content) ?? endedAt ?? startedAt, firstContentAt);
    upstream += Math.max(0, end - Math.max(startedAt, until));
    until = Math.max(until, end);
  }
  return Math.max(0, firstContentAt - ctx.receivedAt - upstream - ctx.queuedMs);
}
