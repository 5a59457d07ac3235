import { attemptEnded, attemptStarted } from '../kernel/channels.js';
import { type Clock, type Timer } from '../kernel/clock.js';
import { type ChatRequest } from '../kernel/openai.js';
import { type AttemptRecord, type RequestContext } from '../kernel/request-context.js';
import { type Target } from '../kernel/snapshot.js';
import { type Answer, type EventBatch, UpstreamFailure } from '../kernel/upstream.js';
import { Attempt } from '../providers/attempt.js';
import { type ProviderCatalog } from '../providers/catalog.js';
import { attemptBounds } from './attempt-bounds.js';
import { type AttemptSlot } from './attempt-slot.js';

/** What an attempt is made with. */
export interface AttemptMaterial {
  readonly ctx: RequestContext;
  readonly request: ChatRequest;
  /** The output cap to write upstream, per choice; undefined leaves the caller's members alone. */
  readonly maxTokens: number | undefined;
  /** Estimate of the prompt, for the limiter's comparison of like with like. */
  readonly promptTokens: number;
  readonly catalog: ProviderCatalog;
  readonly clock: Clock;
}

/** One attempt in its request: bounded by the deadline, released and recorded exactly once, whatever happens. */
export class RunningAttempt implements Answer {
  readonly record: AttemptRecord;
  readonly #attempt: Attempt;
  readonly #deadline: Timer;
  #first: EventBatch = { payloads: [], json: undefined };

  constructor(
    private readonly material: AttemptMaterial,
    private readonly slot: AttemptSlot,
    target: Target,
    kind: AttemptRecord['kind'],
  ) {
    const { ctx, request, maxTokens, catalog, clock } = material;
    this.record = newRecord(target, kind, clock.now());
    ctx.attempts.push(this.record);
    if (attemptStarted.heard) attemptStarted.publish({ ctx, attempt: this.record });
    const options = { maxTokens, stream: request.stream };
    const bounds = attemptBounds(target, request, maxTokens);
    const known = catalog.get(target.provider.kind);
    const spoilt = catalog.faults === undefined ? known : catalog.faults.over(known, ctx, this.record);
    this.#attempt = new Attempt(spoilt, target, request, options, ctx, bounds, clock);
    const until = Math.min(ctx.deadline, ctx.receivedAt + target.provider.timeouts.totalMs);
    this.#deadline = clock.after(Math.max(0, until - clock.now()), () => {
      this.cancel(new UpstreamFailure('ignored', 'deadline', 'never'));
    });
    ctx.abort = (failure) => {
      this.cancel(failure);
    };
    ctx.onClose(() => {
      if (this.record.endedAt !== undefined) return;
      const cancelled = new UpstreamFailure('ignored', 'cancelled', 'never');
      this.cancel(cancelled);
      this.#end(cancelled);
    });
  }

  get first(): EventBatch {
    return this.#first;
  }

  /**
   * Waits for the first content; from then on this attempt answers the request.
   * @throws UpstreamFailure
   */
  async begin(): Promise<Answer> {
    const { ctx, clock } = this.material;
    try {
      this.#first = await this.#attempt.first();
    } catch (error) {
      this.#end(error);
      throw error;
    }
    this.record.facts = this.#attempt.facts;
    this.record.firstContentAt = clock.now();
    this.slot.firstToken(this.record.firstContentAt - this.record.startedAt, this.material.promptTokens);
    ctx.answeredBy = this.record;
    const dropped = this.#attempt.droppedParams;
    if (dropped.length > 0) ctx.answerHeaders['x-gateway-dropped-params'] = dropped.join(',');
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

  /** Lets go of the upstream at once. */
  cancel(failure: UpstreamFailure): void {
    this.#attempt.cancel(failure);
  }

  #end(error: unknown): void {
    const { record } = this;
    if (record.endedAt !== undefined) return;
    this.#deadline.cancel();
    record.endedAt = this.material.clock.now();
    record.facts = this.#attempt.facts;
    const failure = asFailure(error);
    record.outcome = failure?.outcome ?? 'success';
    record.reason = failure?.reason;
    record.status = failure?.details.status;
    const ttftMs = record.firstContentAt === undefined ? undefined : record.firstContentAt - record.startedAt;
    this.slot.release(failure, ttftMs, record.endedAt - record.startedAt);
    attemptEnded.publish({ ctx: this.material.ctx, attempt: record });
  }
}

function newRecord(target: Target, kind: AttemptRecord['kind'], startedAt: number): AttemptRecord {
  return {
    target,
    startedAt,
    kind,
    firstContentAt: undefined,
    endedAt: undefined,
    outcome: undefined,
    reason: undefined,
    status: undefined,
    facts: undefined,
    chaos: undefined,
  };
}

function asFailure(error: unknown): UpstreamFailure | undefined {
  if (error === undefined || error instanceof UpstreamFailure) return error;
  return new UpstreamFailure('fault', 'malformed', 'elsewhere', { cause: error });
}
