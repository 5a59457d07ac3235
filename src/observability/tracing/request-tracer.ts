import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import { type AttemptFact, type BreakerFact } from '../../kernel/channels.js';
import { type Clock } from '../../kernel/clock.js';
import { type AttemptRecord, type RequestContext } from '../../kernel/request-context.js';
import { outcomeAttributes, requestAttributes, targetAttributes } from './span-attributes.js';

/** Transitions that wait for the attempt that they belong to: it follows at once, or never comes. */
const MAX_TRANSITIONS = 32;

interface RequestTrace {
  readonly span: Span;
  /** For children of the span. */
  readonly context: Context;
  /** Wall clock minus monotonic clock, ms: spans are told in the one, the request in the other. */
  readonly offset: number;
  readonly attempts: Map<AttemptRecord, Span>;
}

/**
 * Draws requests as spans: one of kind server for the request, one of kind client for each attempt, whose ids the
 * upstream sees. Hears what others publish anyway; times are those of the records.
 */
export class RequestTracer {
  readonly #traces = new WeakMap<RequestContext, RequestTrace>();
  #transitions: BreakerFact[] = [];

  constructor(
    private readonly tracer: Tracer,
    private readonly clock: Clock,
  ) {}

  opened(ctx: RequestContext): void {
    const offset = this.clock.wall() - this.clock.now();
    const options = { kind: SpanKind.SERVER, startTime: offset + ctx.receivedAt };
    const span = this.tracer.startSpan('POST /v1/chat/completions', options, parentOf(ctx.traceparent));
    ctx.traceparent = traceparentOf(span.spanContext());
    // A request that is not sampled costs its decision and no more; the upstream hears the decision.
    if (!span.isRecording()) return;
    const context = trace.setSpan(ROOT_CONTEXT, span);
    this.#traces.set(ctx, { span, context, offset, attempts: new Map() });
  }

  attemptStarted({ ctx, attempt }: AttemptFact): void {
    const transitions = this.#takeTransitions(attempt);
    const traced = this.#traces.get(ctx);
    if (!traced) return;
    const { target, kind, startedAt } = attempt;
    const options = {
      kind: SpanKind.CLIENT,
      startTime: traced.offset + startedAt,
      attributes: targetAttributes(target, kind, ctx.request?.stream === true),
    };
    const span = this.tracer.startSpan(`chat ${target.model}`, options, traced.context);
    ctx.traceparent = traceparentOf(span.spanContext());
    traced.attempts.set(attempt, span);
    if (kind === 'hedge') traced.span.addEvent('gateway.hedge', { 'gateway.provider': target.provider.name });
    addTransitions(span, transitions);
  }

  attemptEnded({ ctx, attempt }: AttemptFact): void {
    const transitions = this.#takeTransitions(attempt);
    const traced = this.#traces.get(ctx);
    const span = traced?.attempts.get(attempt);
    if (!traced || !span) return;
    const { firstContentAt, outcome, reason, startedAt } = attempt;
    if (firstContentAt !== undefined) span.addEvent('gateway.first_token', {}, traced.offset + firstContentAt);
    addTransitions(span, transitions);
    span.setAttributes(outcomeAttributes(attempt));
    if (reason && outcome !== 'ignored') span.setStatus({ code: SpanStatusCode.ERROR, message: reason });
    span.end(traced.offset + (attempt.endedAt ?? startedAt));
  }

  ended(ctx: RequestContext): void {
    const traced = this.#traces.get(ctx);
    if (!traced) return;
    const { span, offset } = traced;
    const { firstContentAt, queuedMs } = ctx;
    if (queuedMs > 0) span.addEvent('gateway.queued', { 'gateway.queue.wait_ms': queuedMs });
    if (firstContentAt !== undefined) span.addEvent('gateway.first_token', {}, offset + firstContentAt);
    span.setAttributes(requestAttributes(ctx));
    if (ctx.end === 'failed' || ctx.end === 'broken') {
      span.setStatus({ code: SpanStatusCode.ERROR, ...(ctx.code && { message: ctx.code }) });
    }
    span.end(offset + this.clock.now());
  }

  /** A breaker changes its state as part of an attempt that begins or ends: the event waits for it. */
  breakerChanged(fact: BreakerFact): void {
    if (this.#transitions.length < MAX_TRANSITIONS) this.#transitions.push(fact);
  }

  #takeTransitions({ target }: AttemptRecord): readonly BreakerFact[] {
    if (this.#transitions.length === 0) return [];
    const taken = this.#transitions.filter((fact) => fact.target.id === target.id);
    this.#transitions = this.#transitions.filter((fact) => fact.target.id !== target.id);
    return taken;
  }
}

function addTransitions(span: Span, transitions: readonly BreakerFact[]): void {
  for (const { from, to, reason } of transitions) {
    span.addEvent('gateway.breaker', { 'breaker.from': from, 'breaker.to': to, 'breaker.reason': reason });
  }
}

/** A traceparent that was found valid, as the parent of a span. */
function parentOf(traceparent: string | undefined): Context {
  if (traceparent === undefined) return ROOT_CONTEXT;
  const [, traceId = '', spanId = '', flags = '00'] = traceparent.split('-');
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
  });
}

function traceparentOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}
