import { Inject, Injectable } from '@nestjs/common';
import { requestShed } from '../kernel/channels.js';
import { type Clock } from '../kernel/clock.js';
import { GatewayError } from '../kernel/gateway-error.js';
import { type ChatRequest } from '../kernel/openai.js';
import { type AttemptRecord, type RequestContext } from '../kernel/request-context.js';
import { type Target } from '../kernel/snapshot.js';
import { CLOCK } from '../kernel/tokens.js';
import { type Answer, UpstreamFailure } from '../kernel/upstream.js';
import { ProviderCatalog } from '../providers/catalog.js';
import { type QueueRefusal } from './admission-flow.js';
import { AttemptSlot } from './attempt-slot.js';
import { callerError } from './caller-error.js';
import { Hedging } from './hedging.js';
import { type FailedAttempt, firstStep, nextAttempt, type NextStep } from './next-attempt.js';
import { PanicGate } from './panic-gate.js';
import { LoadShedding } from './load-shedding.js';
import { type AttemptMaterial, RunningAttempt } from './running-attempt.js';
import { noRoom, shedReason, waitInQueue } from './queue-wait.js';
import { StreamRescue } from './stream-rescue.js';
import { type TargetState } from './target-state.js';
import { TargetStates } from './target-states.js';

/** The longest that a caller is told to wait, s. */
const MAX_RETRY_AFTER_S = 60;

/** Targets could be tried if they were not full. */
const FULL = 'full';

/** What is asked of the runner, beside the request. */
export interface RunWish {
  readonly plan: readonly Target[];
  /** The output cap to write upstream, per choice; undefined leaves the caller's members alone. */
  readonly maxTokens: number | undefined;
  /** Estimate of the prompt, tokens. */
  readonly promptTokens: number;
}

/** Tries the targets of a plan until one gives content. The only layer that tries again. */
@Injectable()
export class AttemptRunner {
  readonly #panic = new Map<string, PanicGate>();
  readonly #hedging: Hedging;
  readonly #rescue: StreamRescue;

  constructor(
    private readonly catalog: ProviderCatalog,
    private readonly states: TargetStates,
    private readonly load: LoadShedding,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.#hedging = new Hedging(states, load, clock);
    this.#rescue = new StreamRescue(states, clock);
  }

  /** @throws GatewayError when no target gave an answer */
  async run(ctx: RequestContext, request: ChatRequest, wish: RunWish): Promise<Answer> {
    const { plan, maxTokens, promptTokens } = wish;
    const { catalog, clock } = this;
    const material: AttemptMaterial = { ctx, request, maxTokens, promptTokens, catalog, clock };
    const failed: FailedAttempt[] = [];
    for (;;) {
      const step = failed.length === 0 ? firstStep(plan) : this.#next(ctx, plan, failed);
      if (step && step.waitMs > 0) await this.#pause(ctx, step.waitMs);
      let running = step && this.#start(step, material, failed);
      if (step && running === FULL) running = await this.#startQueued(step, material, failed);
      if (!(running instanceof RunningAttempt)) throw this.#verdict(ctx, plan, failed);
      let answering = running;
      try {
        if (failed.length === 0 && ctx.snapshot.resilience.hedging.enabled) {
          const end = await this.#hedging.race(running, step?.targets ?? [], material);
          if (!(end instanceof RunningAttempt)) {
            failed.push(...end);
            continue;
          }
          answering = end;
        } else await running.begin();
        if (ctx.snapshot.resilience.midStream === 'error' || !request.stream) return answering.commit();
        return await this.#rescue.protect(answering, material, plan, failed);
      } catch (error) {
        if (!(error instanceof UpstreamFailure)) throw error;
        failed.push({ target: answering.record.target, failure: error });
      }
    }
  }

  #next(ctx: RequestContext, plan: readonly Target[], failed: readonly FailedAttempt[]): NextStep | undefined {
    return nextAttempt(failed, {
      plan,
      settings: ctx.snapshot.resilience,
      clock: this.clock,
      remainingMs: ctx.deadline - this.clock.now(),
      trySpendRetry: (target) => this.#trySpendRetry(this.states.of(target)),
      usable: (target) => isUsable(this.states.of(target)),
    });
  }

  /** Not on a target that has just shut, nor while the process itself is short of room. */
  #trySpendRetry({ breaker, retryBudget }: TargetState): boolean {
    return this.load.level === 0 && breaker.peek() !== 'refuse' && retryBudget.trySpend();
  }

  /** @returns undefined where nothing may be tried: no time, no budget, no target that takes it; or FULL */
  #start(
    step: NextStep,
    material: AttemptMaterial,
    failed: readonly FailedAttempt[],
  ): RunningAttempt | typeof FULL | undefined {
    if (this.#tooLate(material.ctx)) return undefined;
    let full = false;
    for (const target of step.targets) {
      const state = this.states.of(target);
      const slot = AttemptSlot.take(state, target.provider.timeouts.totalMs, step.kind === 'retry');
      if (slot instanceof AttemptSlot) return this.#launch(slot, target, step, material, failed);
      full ||= slot === 'full';
    }
    if (full) return FULL;
    return failed.length === 0 ? this.#panicProbe(step, material) : undefined;
  }

  /** @returns undefined where the target's retry budget does not allow it */
  #launch(
    slot: AttemptSlot,
    target: Target,
    step: NextStep,
    material: AttemptMaterial,
    failed: readonly FailedAttempt[],
  ): RunningAttempt | undefined {
    const { retryBudget } = slot.state;
    if (failed.length === 0) retryBudget.earn();
    if (this.#tooLate(material.ctx) || (isCharged(step.kind, failed) && !retryBudget.trySpend())) {
      slot.release(new UpstreamFailure('ignored', 'cancelled', 'never'), undefined, 0);
      return undefined;
    }
    return new RunningAttempt(material, slot, target, step.kind);
  }

  /**
   * Where targets could be tried if they were not full: waits for the first that lets the request wait.
   * @throws GatewayError overloaded, queue_timeout, shutting_down
   */
  async #startQueued(
    step: NextStep,
    material: AttemptMaterial,
    failed: readonly FailedAttempt[],
  ): Promise<RunningAttempt | undefined> {
    const { ctx, request, promptTokens, maxTokens } = material;
    const work = { promptTokens, maxTokens: maxTokens ?? request.maxTokens, bytes: request.document.size };
    let refusal: QueueRefusal | undefined;
    for (const target of step.targets) {
      const state = this.states.of(target);
      const again = step.kind === 'retry';
      let slot = AttemptSlot.take(state, target.provider.timeouts.totalMs, again);
      if (slot === 'full') {
        const end = await waitInQueue(state.queue, ctx, work, this.clock);
        if (end instanceof UpstreamFailure) throw callerError(end, ctx, this.clock);
        refusal = end;
        // Whoever has waited as long as it may does not begin again elsewhere.
        if (end === 'timeout') break;
        if (end === undefined) slot = AttemptSlot.admitted(state, target.provider.timeouts.totalMs, again);
      }
      if (slot instanceof AttemptSlot) return this.#launch(slot, target, step, material, failed);
    }
    if (refusal) {
      // Whatever failed before, room is what is missing now: the caller is told when to come back.
      requestShed.publish({ reason: shedReason(refusal), priority: ctx.priority });
      throw noRoom(refusal, this.clock);
    }
    return undefined;
  }

  /** Where breakers alone shut every way, one request a second finds out whether that is still right. */
  #panicProbe(step: NextStep, material: AttemptMaterial): RunningAttempt | undefined {
    const open = step.targets.map((target) => this.states.of(target));
    if (!open.every(({ breaker, coolDown }) => breaker.state !== 'closed' && !coolDown.isCooling())) return undefined;
    const model = material.request.model;
    const gate = this.#panic.get(model) ?? new PanicGate(this.clock);
    this.#panic.set(model, gate);
    const breaker = gate.choose(open.map((state) => state.breaker));
    const state = open.find((candidate) => candidate.breaker === breaker);
    if (!state) return undefined;
    const slot = AttemptSlot.take(state, state.target.provider.timeouts.totalMs, false, true);
    return slot instanceof AttemptSlot ? new RunningAttempt(material, slot, state.target, step.kind) : undefined;
  }

  #tooLate(ctx: RequestContext): boolean {
    return ctx.closed || ctx.deadline - this.clock.now() < ctx.snapshot.resilience.minAttemptMs;
  }

  #verdict(ctx: RequestContext, plan: readonly Target[], failed: readonly FailedAttempt[]): GatewayError {
    const last = failed.at(-1)?.failure;
    const noTime = ctx.deadline - this.clock.now() < ctx.snapshot.resilience.minAttemptMs;
    if (noTime) return callerError(new UpstreamFailure('ignored', 'deadline', 'never'), ctx, this.clock);
    const told = last ? callerError(last, ctx, this.clock) : new GatewayError('no_provider_available');
    if (told.code !== 'no_provider_available') return told;
    return new GatewayError(told.code, { headers: { ...told.headers, 'retry-after': String(this.#retryAfter(plan)) } });
  }

  /** When the first of the targets may be asked again, whole seconds. */
  #retryAfter(plan: readonly Target[]): number {
    const waits = plan.map((target) => {
      const { breaker, coolDown } = this.states.of(target);
      return Math.max(breaker.remainingOpenMs, coolDown.remainingMs());
    });
    return Math.min(MAX_RETRY_AFTER_S, Math.max(1, Math.ceil(Math.min(...waits) / 1000)));
  }

  /**
   * Ends early when the caller leaves.
   * @throws GatewayError where the request is ended from outside
   */
  #pause(ctx: RequestContext, ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.clock.after(ms, resolve);
      ctx.abortBy((failure) => {
        timer.cancel();
        reject(callerError(failure, ctx, this.clock));
      });
      ctx.onClose(() => {
        timer.cancel();
        resolve();
      });
    });
  }
}

function isUsable({ breaker, coolDown }: TargetState): boolean {
  return !coolDown.isCooling() && breaker.peek() !== 'refuse';
}

/**
 * A retry was paid for when it was decided. The first failover to another target is free: shifted load is not
 * amplified load.
 */
function isCharged(kind: AttemptRecord['kind'], failed: readonly FailedAttempt[]): boolean {
  return kind === 'failover' && failed.some(({ target }) => target !== failed[0]?.target);
}
