import { Inject, Injectable } from '@nestjs/common';
import { type Clock } from '../kernel/clock.js';
import { GatewayError } from '../kernel/gateway-error.js';
import { type ChatRequest } from '../kernel/openai.js';
import { type AttemptRecord, type RequestContext } from '../kernel/request-context.js';
import { type Target } from '../kernel/snapshot.js';
import { CLOCK } from '../kernel/tokens.js';
import { type Answer, UpstreamFailure } from '../kernel/upstream.js';
import { ProviderCatalog } from '../providers/catalog.js';
import { AttemptSlot } from './attempt-slot.js';
import { callerError } from './caller-error.js';
import { type FailedAttempt, nextAttempt, type NextStep } from './next-attempt.js';
import { PanicGate } from './panic-gate.js';
import { type AttemptMaterial, RunningAttempt } from './running-attempt.js';
import { type TargetState } from './target-state.js';
import { TargetStates } from './target-states.js';

/** The longest that a caller is told to wait, s. */
const MAX_RETRY_AFTER_S = 60;

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

  constructor(
    private readonly catalog: ProviderCatalog,
    private readonly states: TargetStates,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws GatewayError when no target gave an answer */
  async run(ctx: RequestContext, request: ChatRequest, wish: RunWish): Promise<Answer> {
    const material: AttemptMaterial = { ctx, request, ...wish, catalog: this.catalog, clock: this.clock };
    const failed: FailedAttempt[] = [];
    for (;;) {
      const step = this.#next(ctx, wish.plan, failed);
      if (step && step.waitMs > 0) await this.#pause(ctx, step.waitMs);
      const running = step && this.#start(step, material, failed.length);
      if (!running) throw this.#verdict(ctx, wish.plan, failed);
      try {
        return await running.begin();
      } catch (error) {
        if (!(error instanceof UpstreamFailure)) throw error;
        failed.push({ target: running.record.target, failure: error });
      }
    }
  }

  #next(ctx: RequestContext, plan: readonly Target[], failed: readonly FailedAttempt[]): NextStep | undefined {
    return nextAttempt(failed, {
      plan,
      settings: ctx.snapshot.resilience,
      clock: this.clock,
      remainingMs: ctx.deadline - this.clock.now(),
      usable: (target) => isUsable(this.states.of(target)),
    });
  }

  /** @returns undefined where nothing may be tried: no time, no budget, no target that takes it */
  #start(step: NextStep, material: AttemptMaterial, failures: number): RunningAttempt | undefined {
    const { ctx } = material;
    if (ctx.closed || ctx.deadline - this.clock.now() < ctx.snapshot.resilience.minAttemptMs) return undefined;
    for (const target of step.targets) {
      const state = this.states.of(target);
      const slot = AttemptSlot.take(state, target.provider.timeouts.totalMs, step.kind === 'retry');
      if (!(slot instanceof AttemptSlot)) continue;
      if (failures === 0) state.retryBudget.earn();
      else if (isCharged(step.kind, failures) && !state.retryBudget.trySpend()) {
        slot.release(new UpstreamFailure('ignored', 'cancelled', 'never'), undefined, 0);
        return undefined;
      }
      return new RunningAttempt(material, slot, target, step.kind);
    }
    return failures === 0 ? this.#panicProbe(step, material) : undefined;
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

  /** Ends early when the caller leaves. */
  #pause(ctx: RequestContext, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.clock.after(ms, resolve);
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

/** The first failover is free: shifted load is not amplified load. */
function isCharged(kind: AttemptRecord['kind'], failures: number): boolean {
  return kind === 'retry' || failures >= 2;
}
