import { type ShedFact } from '../kernel/channels.js';
import { type Clock } from '../kernel/clock.js';
import { GatewayError } from '../kernel/gateway-error.js';
import { type RequestContext } from '../kernel/request-context.js';
import { UpstreamFailure } from '../kernel/upstream.js';
import { type AdmissionQueue } from './admission-queue.js';
import { QueueEntry, type QueueRefusal, type Waiter } from './admission-flow.js';
import { BAND } from './priority.js';

/** Output that counts as work at most: a longer answer is no reason to wait longer for a turn. */
const MAX_OUTPUT_TOKENS = 1_024;
/** Refused callers come back spread over this many seconds. */
const RETRY_SPREAD_S = 4;

/** The work that a request is for the queue's fair turns. */
export interface QueuedWork {
  readonly promptTokens: number;
  /** The output cap; undefined = none is known. */
  readonly maxTokens: number | undefined;
  /** Memory held while waiting. */
  readonly bytes: number;
}

/** What the caller is told of a refusal, in `x-gateway-reason`. */
const REASONS: Readonly<Record<QueueRefusal, string>> = {
  full: 'queue_full',
  keyShare: 'queue_share',
  predictedWait: 'predicted_wait',
  evicted: 'evicted',
  timeout: 'queue_timeout',
  disabled: 'target_full',
};

/**
 * Waits in one target's queue.
 * @returns undefined with a place in the target's limit, which the caller must give back; else why there is none:
 * `cancelled` where the request ended meanwhile, by its caller or by the drain
 */
export function waitInQueue(
  queue: AdmissionQueue,
  ctx: RequestContext,
  work: QueuedWork,
  clock: Clock,
): Promise<QueueRefusal | UpstreamFailure | undefined> {
  const since = clock.now();
  return new Promise((resolve) => {
    const settle = (end: QueueRefusal | UpstreamFailure | undefined): void => {
      ctx.queuedMs += clock.now() - since;
      resolve(end);
    };
    const waiter: Waiter = {
      keyId: ctx.principal.keyId,
      band: BAND[ctx.priority],
      tokens: work.promptTokens + Math.min(work.maxTokens ?? MAX_OUTPUT_TOKENS, MAX_OUTPUT_TOKENS),
      bytes: work.bytes,
      remainingMs: ctx.deadline - since,
      admit: () => settle(undefined),
      refuse: settle,
    };
    const entry = queue.offer(waiter);
    if (!(entry instanceof QueueEntry)) {
      resolve(entry);
      return;
    }
    const leave = (failure: UpstreamFailure): void => {
      if (!entry.queued) return;
      queue.cancel(entry);
      settle(failure);
    };
    ctx.abortBy(leave);
    ctx.onClose(() => leave(new UpstreamFailure('ignored', 'cancelled', 'never')));
  });
}

/** A refusal of the queue in the words of the counters. */
export function shedReason(refusal: QueueRefusal): ShedFact['reason'] {
  if (refusal === 'evicted') return 'evicted';
  return refusal === 'timeout' || refusal === 'predictedWait' ? 'queue_timeout' : 'queue_full';
}

/** The answer to a request for which there was no room. */
export function noRoom(refusal: QueueRefusal, clock: Clock): GatewayError {
  return overloaded(REASONS[refusal], clock, refusal === 'timeout' ? 'queue_timeout' : 'overloaded');
}

/** A refusal for want of capacity: says why, and spreads those who come back. */
export function overloaded(
  reason: string,
  clock: Clock,
  code: 'overloaded' | 'queue_timeout' = 'overloaded',
): GatewayError {
  const retryAfter = 1 + Math.floor(clock.random() * RETRY_SPREAD_S);
  return new GatewayError(code, { headers: { 'retry-after': String(retryAfter), 'x-gateway-reason': reason } });
}
