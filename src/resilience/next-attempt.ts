import { type Clock } from '../kernel/clock.js';
import { type AttemptRecord } from '../kernel/request-context.js';
import { type ResilienceSettings, type Target } from '../kernel/snapshot.js';
import { type FailureReason, type UpstreamFailure } from '../kernel/upstream.js';
import { fullJitterMs, retryAfterWaitMs } from './backoff.js';
import { parseRetryAfter } from './retry-after.js';

/** An attempt that failed, as far as the next one is decided by it. */
export interface FailedAttempt {
  readonly target: Target;
  readonly failure: UpstreamFailure;
}

/** Where to try, in order of preference, and how. */
export interface NextStep {
  readonly targets: readonly Target[];
  readonly kind: AttemptRecord['kind'];
  /** Before it, ms. */
  readonly waitMs: number;
}

/** What to try first. */
export function firstStep(plan: readonly Target[]): NextStep {
  return { targets: plan, kind: 'first', waitMs: 0 };
}

/** What may be tried again on the same target: it answered, quickly, that something went wrong. */
const QUICK: ReadonlySet<FailureReason> = new Set([
  'server_error',
  'reset',
  'error_in_answer',
  'throttled',
  'overloaded',
]);

/** What the decision depends on beside the failures. */
export interface RetrySituation {
  readonly plan: readonly Target[];
  readonly settings: ResilienceSettings;
  readonly clock: Clock;
  /** What is left of the request's deadline, ms. */
  readonly remainingMs: number;
  /** Takes the price of asking a target again from its budget; false where it may not be asked again. */
  readonly trySpendRetry: (target: Target) => boolean;
  /** Whether a target may be tried now. */
  readonly usable: (target: Target) => boolean;
}

/**
 * What to try after the failures so far; nothing means that the last failure is the answer. Targets of one tier are
 * equals: the next one is tried at once. A later tier is a substitute: before it, a target that stands alone in its tier
 * is tried once more, unless it was silent.
 */
export function nextAttempt(failed: readonly FailedAttempt[], situation: RetrySituation): NextStep | undefined {
  const { plan, settings } = situation;
  const last = failed.at(-1);
  if (!last) return firstStep(plan);
  if (last.failure.retryable === 'never' || failed.length >= settings.maxAttempts) return undefined;
  const open = plan.filter((target) => !failed.some((attempt) => attempt.target === target) && fits(target, failed));
  const usable = open.filter(situation.usable);
  const equals = usable.filter(({ tier }) => tier === last.target.tier);
  if (equals.length > 0)
    return {
      targets: [...equals, ...usable.filter((target) => !equals.includes(target))],
      kind: 'failover',
      waitMs: 0,
    };
  const again = retrySame(failed, last, situation, usable.length > 0);
  if (again) return again;
  return open.length > 0 ? { targets: open, kind: 'failover', waitMs: 0 } : undefined;
}

/** A prompt that was too long for one window goes to none that is known to be no larger. */
function fits(target: Target, failed: readonly FailedAttempt[]): boolean {
  return failed.every(({ failure, target: { contextTokens } }) => {
    if (failure.reason !== 'context_length' || contextTokens === undefined) return true;
    return target.contextTokens === undefined || target.contextTokens > contextTokens;
  });
}

function retrySame(
  failed: readonly FailedAttempt[],
  { target, failure }: FailedAttempt,
  situation: RetrySituation,
  hasSubstitute: boolean,
): NextStep | undefined {
  if (failure.retryable !== 'same' || !QUICK.has(failure.reason)) return undefined;
  if (failure.details.headers?.['x-should-retry'] === 'false') return undefined;
  const tries = failed.filter((attempt) => attempt.target === target).length;
  if (hasSubstitute && (tries > 1 || failed.length > tries)) return undefined;
  const waitMs = waitBefore(failure, tries, situation);
  if (waitMs === undefined || !situation.trySpendRetry(target)) return undefined;
  return { targets: [target], kind: 'retry', waitMs };
}

function waitBefore(failure: UpstreamFailure, tries: number, situation: RetrySituation): number | undefined {
  const { clock, remainingMs, settings } = situation;
  const asked = parseRetryAfter(failure.details.headers ?? {}, clock.wall());
  if (typeof asked === 'number' && asked > 0) {
    return retryAfterWaitMs(clock, asked, settings.maxRetryAfterWaitMs, remainingMs);
  }
  return fullJitterMs(clock, tries, remainingMs);
}
