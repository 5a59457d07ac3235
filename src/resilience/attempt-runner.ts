import { Inject, Injectable } from '@nestjs/common';
import { attemptEnded } from '../kernel/channels.js';
import { type Clock } from '../kernel/clock.js';
import { GatewayError } from '../kernel/gateway-error.js';
import { type ChatRequest } from '../kernel/openai.js';
import { type AttemptRecord, type RequestContext } from '../kernel/request-context.js';
import { type Target } from '../kernel/snapshot.js';
import { CLOCK } from '../kernel/tokens.js';
import { type Answer, type EventBatch, UpstreamFailure } from '../kernel/upstream.js';
import { Attempt } from '../providers/attempt.js';
import { ProviderCatalog } from '../providers/catalog.js';
import { attemptBounds } from './attempt-bounds.js';

import { callerError } from './caller-error.js';

/** Tries the targets of a plan, one after another, until one gives content. The only layer that tries again. */
@Injectable()
export class AttemptRunner {
  constructor(
    private readonly catalog: ProviderCatalog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * @param maxTokens the output cap to write upstream, per choice; undefined leaves the caller's members alone
   * @throws GatewayError when no target gave an answer
   */
  async run(
    ctx: RequestContext,
    request: ChatRequest,
    plan: readonly Target[],
    maxTokens: number | undefined,
  ): Promise<Answer> {
    let last: UpstreamFailure | undefined;
    for (const target of plan.slice(0, ctx.snapshot.resilience.maxAttempts)) {
      const running = new RunningAttempt(ctx, request, target, maxTokens, this.catalog, this.clock);
      try {
        return await running.start();
      } catch (error) {
        if (!(error instanceof UpstreamFailure)) throw error;
        last = error;
        if (error.retryable === 'never' || ctx.closed) break;
      }
    }
    throw last ? callerError(last, ctx, this.clock) : new GatewayError('no_provider_available');
  }
}

/** One attempt with its record: ends the record exactly once, whatever happens. */
class RunningAttempt implements Answer {
  readonly #attempt: Attempt;
  readonly #record: AttemptRecord;
  #first: EventBatch | undefined;

  constructor(
    private readonly ctx: RequestContext,
    request: ChatRequest,
    target: Target,
    maxTokens: number | undefined,
    catalog: ProviderCatalog,
    private readonly clock: Clock,
  ) {
    const options = { maxTokens, stream: request.stream };
    const bounds = attemptBounds(target, request, maxTokens);
    this.#record = {
      target,
      startedAt: clock.now(),
      kind: ctx.attempts.length === 0 ? 'first' : 'failover',
      firstContentAt: undefined,
      endedAt: undefined,
      outcome: undefined,
      reason: undefined,
      status: undefined,
      facts: undefined,
    };
    ctx.attempts.push(this.#record);
    this.#attempt = new Attempt(catalog.get(target.provider.kind), target, request, options, ctx, bounds, clock);
    const deadline = clock.after(Math.max(0, ctx.deadline - clock.now()), () => {
      this.#attempt.cancel(new UpstreamFailure('ignored', 'deadline', 'never'));
    });
    ctx.abort = (failure) => this.#attempt.cancel(failure);
    ctx.onClose(() => {
      deadline.cancel();
      this.#attempt.cancel(new UpstreamFailure('ignored', 'cancelled', 'never'));
      this.#end(new UpstreamFailure('ignored', 'cancelled', 'never'));
    });
  }

  get first(): EventBatch {
    return this.#first ?? { payloads: [], json: undefined };
  }

  async start(): Promise<Answer> {
    try {
      this.#first = await this.#attempt.first();
    } catch (error) {
      this.#end(error);
      throw error;
    }
    this.#record.facts = this.#attempt.facts;
    this.#record.firstContentAt = this.clock.now();
    this.ctx.answeredBy = this.#record;
    const dropped = this.#attempt.droppedParams;
    if (dropped.length > 0) this.ctx.answerHeaders['x-gateway-dropped-params'] = dropped.join(',');
    if (this.#first.json) this.#end(undefined);
    return this;
  }

  async next(): Promise<EventBatch | undefined> {
    try {
      const batch = await this.#attempt.next();
      if (!batch) this.#end(undefined);
      return batch;
    } catch (error) {
      this.#end(error);
      throw error;
    }
  }

  #end(error: unknown): void {
    const record = this.#record;
    if (record.endedAt !== undefined) return;
    record.endedAt = this.clock.now();
    record.facts = this.#attempt.facts;
    if (error === undefined) record.outcome = 'success';
    else if (error instanceof UpstreamFailure) {
      record.outcome = error.outcome;
      record.reason = error.reason;
      record.status = error.details.status;
    } else {
      record.outcome = 'fault';
      record.reason = 'malformed';
    }
    attemptEnded.publish({ ctx: this.ctx, attempt: record });
  }
}
