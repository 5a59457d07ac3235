import { attemptEnded, attemptStarted } from '../kernel/channels.js';
import { type Clock, type Timer } from '../kernel/clock.js';
import { type ChatRequest } from '../kernel/openai.js';
import { type AttemptRecord, type RequestContext } from '../kernel/request-context.js';
import { type Target } from '../kernel/snapshot.js';
import { type Answer, type BatchReader, type EventBatch, UpstreamFailure } from '../kernel/upstream.js';
import { Attempt } from '../providers/attempt.js';
import { type ProviderCatalog } from '../providers/catalog.js';
import { attemptBounds } from './attempt-bounds.js';
import { type AttemptSlot } from './attempt-slot.js';
import { type TargetState } from './target-state.js';

/** How long an upstream is read on after its caller has left, ms. */
const LINGER_MS = 10_000;

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

const NOTHING_YET: EventBatch = { payloads: [], json: undefined };

/** One attempt in its request: bounded by the deadline, released and recorded exactly once, whatever happens. */
export class RunningAttempt implements Answer {
  readonly record: AttemptRecord;
  readonly #attempt: Attempt;
  #lingering: Timer | undefined;
  #cancelled = false;
  #first = NOTHING_YET;

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
    const options = { maxTokens, stream: request.stream || target.provider.streamUpstream };
    const bounds = attemptBounds(target, ctx, request, maxTokens);
    const known = catalog.get(target.provider.kind);
    const spoilt = catalog.faults === undefined ? known : catalog.faults.over(known, ctx, this.record);
    this.#attempt = new Attempt(spoilt, target, request, options, ctx, bounds, clock);
    ctx.abortBy((failure) => {
      this.cancel(failure);
    });
    if (target.provider.onDisconnect === 'drain') this.#lingerAfterwards(ctx, clock);
    ctx.onClose(() => {
      this.abandon();
    });
  }

  get state(): TargetState {
    return this.slot.state;
  }

  /** It ended without an answer, through no wish of ours. */
  get failed(): boolean {
    return this.record.outcome === 'fault' || this.record.outcome === 'throttle';
  }

  get first(): EventBatch {
    return this.#first;
  }

  /**
   * Waits for the first content.
   * @throws UpstreamFailure
   */
  async begin(): Promise<void> {
    try {
      this.#first = await this.#attempt.first();
    } catch (error) {
      this.#end(error);
      throw error;
    }
    this.#attempt.onEnd((failure) => {
      this.#end(failure);
    });
    this.record.facts = this.#attempt.facts;
    this.record.firstContentAt = this.#attempt.contentAt ?? this.material.clock.now();
    this.slot.firstToken(this.record.firstContentAt - this.record.startedAt, this.material.promptTokens);
  }

  /** Makes this attempt, which has content, the one that answers the request. */
  commit(): Answer {
    const { ctx } = this.material;
    ctx.answeredBy = this.record;
    const dropped = this.#attempt.droppedParams;
    if (dropped.length > 0) ctx.answerHeaders.set('x-gateway-dropped-params', dropped.join(','));
    if (this.#first.json) this.#end(undefined);
    return this;
  }

  read(reader: BatchReader): void {
    this.#attempt.read(reader);
  }

  /** Lets go of the upstream at once. */
  cancel(failure: UpstreamFailure): void {
    this.#cancelled = true;
    this.#attempt.cancel(failure);
  }

  /** Another attempt was faster: lets go of this one, which says nothing of its target but that it is no faster than this. */
  outrun(): void {
    const { record, slot, material } = this;
    if (record.endedAt === undefined && record.firstContentAt === undefined && record.kind !== 'hedge')
      slot.state.latency.recordTtft(material.clock.now() - record.startedAt);
    this.abandon();
  }

  /** Nobody needs its answer any more: lets go of the upstream and ends without a word about it. */
  abandon(): void {
    // Every request that went well comes by here, and an error costs its stack.
    if (this.record.endedAt !== undefined) return;
    this.breakOff(new UpstreamFailure('ignored', 'cancelled', 'never'));
  }

  /** Its answer is worth nothing, for this reason: lets go of the upstream. Harmless after the end. */
  breakOff(failure: UpstreamFailure): void {
    if (this.record.endedAt !== undefined) return;
    this.cancel(failure);
    this.#end(failure);
  }

  /** Whoever reads this attempt reads on when the caller leaves, for the usage that comes last; not for long. */
  #lingerAfterwards(ctx: RequestContext, clock: Clock): void {
    ctx.lingerBy(() => {
      if (this.#cancelled) this.abandon();
      else {
        this.#lingering = clock.after(LINGER_MS, () => {
          this.abandon();
        });
      }
    });
  }

  #end(error: unknown): void {
    const { record } = this;
    if (record.endedAt !== undefined) return;
    record.endedAt = this.material.clock.now();
    record.facts = this.#attempt.facts;
    const failure = asFailure(error);
    record.outcome = failure?.outcome ?? 'success';
    record.reason = failure?.reason;
    record.status = failure?.details.status;
    const ttftMs = record.firstContentAt === undefined ? undefined : record.firstContentAt - record.startedAt;
    this.slot.release(failure, ttftMs, record.endedAt - record.startedAt);
    const { ctx } = this.material;
    attemptEnded.publish({ ctx, attempt: record });
    if (!ctx.lingers) return;
    this.#lingering?.cancel();
    ctx.endLinger();
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
