import { type Clock } from '../kernel/clock.js';
import { type Target } from '../kernel/snapshot.js';
import { type Answer, UpstreamFailure } from '../kernel/upstream.js';
import { AttemptSlot } from './attempt-slot.js';
import { continuedRequest, remainingTokens } from './continued-request.js';
import { heldStream } from './held-stream.js';
import { type FailedAttempt } from './next-attempt.js';
import { type Continuation, ResumableStream } from './resumable-stream.js';
import { type AttemptMaterial, RunningAttempt } from './running-attempt.js';
import { type TargetStates } from './target-states.js';

/** What happens to a stream that breaks after its first content, where that is more than to end it with an error. */
export class StreamRescue {
  constructor(
    private readonly states: TargetStates,
    private readonly clock: Clock,
  ) {}

  /**
   * The answer of an attempt that has content: held until it is whole, or able to go on elsewhere.
   * @param failed the attempts that failed before it; those that fail later are added
   * @throws UpstreamFailure where an answer that was held broke: nothing of it was sent
   */
  async protect(
    running: RunningAttempt,
    material: AttemptMaterial,
    plan: readonly Target[],
    failed: FailedAttempt[],
  ): Promise<Answer> {
    const { ctx, request } = material;
    const answer = running.commit();
    if (ctx.snapshot.resilience.midStream === 'hold') return this.#held(running, answer, material);
    return new ResumableStream(ctx, running, request.choices, failed, (failures, sentText) =>
      this.#continue(material, plan, failures, sentText),
    );
  }

  async #held(running: RunningAttempt, answer: Answer, { ctx }: AttemptMaterial): Promise<Answer> {
    try {
      return await heldStream(answer);
    } catch (error) {
      ctx.answeredBy = undefined;
      if (error instanceof UpstreamFailure) running.breakOff(error);
      throw error;
    }
  }

  /**
   * Those that go on from a prefix come first. A request that draws on a budget is not continued: its reservation
   * covers one answer. Nor is one tried twice.
   */
  #continue(
    material: AttemptMaterial,
    plan: readonly Target[],
    failed: readonly FailedAttempt[],
    sentText: string,
  ): Continuation | undefined {
    const { ctx } = material;
    const { maxAttempts, minAttemptMs } = ctx.snapshot.resilience;
    if (ctx.closed || ctx.deadline - this.clock.now() < minAttemptMs) return undefined;
    if (failed.length >= maxAttempts || ctx.principal.budgets.length > 0) return undefined;
    const open = plan.filter((target) => !failed.some((attempt) => attempt.target === target));
    const inOrder = [...open.filter(isPrefixed), ...open.filter((target) => !isPrefixed(target))];
    for (const target of inOrder) {
      const slot = AttemptSlot.take(this.states.of(target), target.provider.timeouts.totalMs, false);
      if (!(slot instanceof AttemptSlot)) continue;
      // The first failover is free, here as before the first content.
      if (failed.length === 1 || slot.state.retryBudget.trySpend()) {
        const byPrefix = isPrefixed(target) && sentText !== '';
        const changed = byPrefix ? continued(material, sentText) : material;
        return { running: new RunningAttempt(changed, slot, target, 'resume'), byPrefix };
      }
      slot.release(new UpstreamFailure('ignored', 'cancelled', 'never'), undefined, 0);
    }
    return undefined;
  }
}

function isPrefixed({ continuesPrefix }: Target): boolean {
  return continuesPrefix;
}

function continued(material: AttemptMaterial, sentText: string): AttemptMaterial {
  const { ctx, request, maxTokens } = material;
  const sentEvents = ctx.answeredBy?.facts?.deltas ?? 0;
  return {
    ...material,
    request: continuedRequest(request, sentText),
    maxTokens: remainingTokens(maxTokens ?? request.maxTokens, sentEvents),
  };
}
