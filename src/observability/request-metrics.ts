import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { requestOpened } from '../kernel/channels.js';
import { type Charge, type RequestContext } from '../kernel/request-context.js';
import { type Priority } from '../kernel/snapshot.js';
import { addedMs } from './added-latency.js';
import { EndedFacts } from './ended-facts.js';
import { type CounterChild, type HistogramChild, kept } from './fast-metrics.js';
import { GatewayMetrics } from './gateway-metrics.js';
import { classOf } from './request-class.js';
import { type RequestStages, stagesOf } from './request-stages.js';

/** The status that the log shows for a caller that left before it got one. */
const LEFT = 499;

/** A traceparent's flags where its trace is kept, and the place of its trace id. */
const SAMPLED = '-01';
const TRACE_ID_FROM = 3;
const TRACE_ID_TO = 35;

interface ModelChildren {
  readonly model: string;
  /** Requests that went well, nearly all: found without joining their labels to a name. */
  readonly good: Readonly<Record<'plain' | 'stream', Map<Priority, CounterChild>>>;
  /** By provider, nano-USD. */
  readonly costs: Map<string, CounterChild>;
  readonly duration: HistogramChild;
  readonly firstToken: HistogramChild;
  readonly perToken: HistogramChild;
  readonly added: HistogramChild;
  readonly inputTokens: HistogramChild;
  readonly outputTokens: HistogramChild;
  readonly input: CounterChild;
  readonly output: CounterChild;
}

/** Counts requests, once each, when they end. */
@Injectable()
export class RequestMetrics implements OnModuleInit, OnModuleDestroy {
  readonly #others = new Map<string, CounterChild>();
  readonly #models = new Map<string, ModelChildren>();
  readonly #sources = new Map<Charge['usageSource'], CounterChild>();
  readonly #stages: Readonly<Record<keyof RequestStages, HistogramChild>>;
  readonly #waits: Readonly<Record<Priority, HistogramChild>>;
  #unsubscribe = (): void => undefined;
  #inFlight = 0;

  constructor(
    private readonly metrics: GatewayMetrics,
    facts: EndedFacts,
  ) {
    const { stages, queueWait } = metrics;
    const stage = (name: keyof RequestStages): HistogramChild => stages.child({ stage: name });
    this.#stages = {
      receive: stage('receive'),
      guard: stage('guard'),
      quota: stage('quota'),
      route: stage('route'),
      queue: stage('queue'),
      upstream: stage('upstream'),
      send: stage('send'),
    };
    const wait = (band: Priority): HistogramChild => queueWait.child({ band });
    this.#waits = { critical: wait('critical'), default: wait('default'), sheddable: wait('sheddable') };
    facts.onRequest((ctx) => {
      this.#count(ctx);
    });
  }

  onModuleInit(): void {
    this.metrics.inFlight.readFrom(() => [{ labels: {}, value: this.#inFlight }]);
    this.#unsubscribe = requestOpened.subscribe(() => this.#inFlight++);
  }

  onModuleDestroy(): void {
    this.#unsubscribe();
  }

  #count(ctx: RequestContext): void {
    this.#inFlight--;
    const model = ctx.model?.name ?? 'other';
    const children = this.#models.get(model) ?? this.#model(model);
    const stream = ctx.request?.stream === true;
    this.#counterOf(ctx, children, stream).add();
    this.#countStages(stagesOf(ctx, ctx.endedAt));
    if (ctx.queuedMs > 0) this.#waits[ctx.priority].observe(ctx.queuedMs / 1000);
    if (ctx.answeredBy) this.#observe(ctx, children, stream);
  }

  /** Member by member: a member whose name is in a variable is looked up. */
  #countStages({ receive, guard, quota, route, queue, upstream, send }: RequestStages): void {
    const stages = this.#stages;
    observeStage(stages.receive, receive);
    observeStage(stages.guard, guard);
    observeStage(stages.quota, quota);
    observeStage(stages.route, route);
    observeStage(stages.queue, queue);
    observeStage(stages.upstream, upstream);
    observeStage(stages.send, send);
  }

  #counterOf(ctx: RequestContext, { model, good }: ModelChildren, stream: boolean): CounterChild {
    const band = ctx.principal.priority;
    if (ctx.end === 'completed' && ctx.status === 200 && ctx.code === undefined && ctx.chaos === undefined) {
      return kept(stream ? good.stream : good.plain, band, () =>
        this.metrics.requests.child(requestLabels(ctx, model, stream)),
      );
    }
    const labels = requestLabels(ctx, model, stream);
    return kept(this.#others, Object.values(labels).join(' '), () => this.metrics.requests.child(labels));
  }

  #observe(ctx: RequestContext, children: ModelChildren, stream: boolean): void {
    const { charge, endedAt, firstContentAt } = ctx;
    observeTime(children.duration, ctx, endedAt);
    if (charge) {
      children.inputTokens.observe(charge.promptTokens);
      children.outputTokens.observe(charge.completionTokens);
      children.input.add(charge.promptTokens);
      children.output.add(charge.completionTokens);
      this.#countCost(ctx, children, charge);
    }
    if (firstContentAt === undefined) return;
    if (stream) {
      observeTime(children.firstToken, ctx, firstContentAt);
      const tokens = (charge?.completionTokens ?? 0) - 1;
      if (tokens > 0) children.perToken.observe((endedAt - firstContentAt) / 1000 / tokens);
    }
    children.added.observe(addedMs(ctx, firstContentAt) / 1000);
  }

  #countCost(ctx: RequestContext, { model, costs }: ModelChildren, { costNanoUsd, usageSource }: Charge): void {
    const provider = ctx.answeredBy?.target.provider.name ?? 'none';
    kept(costs, provider, () => this.metrics.cost.child({ provider, model })).add(costNanoUsd);
    kept(this.#sources, usageSource, () => this.metrics.usageSource.child({ source: usageSource })).add();
  }

  #model(model: string): ModelChildren {
    const labels = { gen_ai_request_model: model };
    const { metrics } = this;
    const children: ModelChildren = {
      model,
      good: { plain: new Map(), stream: new Map() },
      costs: new Map(),
      duration: metrics.duration.child(labels),
      firstToken: metrics.firstToken.child(labels),
      perToken: metrics.perToken.child(labels),
      added: metrics.added.child(labels),
      inputTokens: metrics.tokenUsage.child({ ...labels, gen_ai_token_type: 'input' }),
      outputTokens: metrics.tokenUsage.child({ ...labels, gen_ai_token_type: 'output' }),
      input: metrics.tokens.child({ model, type: 'input' }),
      output: metrics.tokens.child({ model, type: 'output' }),
    };
    this.#models.set(model, children);
    return children;
  }
}

function observeStage(histogram: HistogramChild, ms: number): void {
  if (ms > 0) histogram.observe(ms / 1000);
}

function requestLabels(ctx: RequestContext, model: string, stream: boolean) {
  return {
    model,
    code: ctx.end === 'cancelled' ? 'cancelled' : (ctx.code ?? 'ok'),
    stream: String(stream),
    status_class: statusClass(ctx.status),
    band: ctx.principal.priority,
    slo: classOf(ctx),
    injected: String(ctx.chaos !== undefined),
  };
}

/** A caller that left before it got a status saw none. */
function statusClass(status: number): string {
  return status === LEFT ? '0xx' : `${Math.floor(status / 100)}xx`;
}

/** Observes the time since the request's arrival, with the id of its trace where that is kept. */
function observeTime(
  histogram: HistogramChild,
  { receivedAt, traceparent, endedWall }: RequestContext,
  at: number,
): void {
  const seconds = (at - receivedAt) / 1000;
  if (traceparent?.endsWith(SAMPLED) === true) {
    histogram.observeTraced(seconds, traceparent.slice(TRACE_ID_FROM, TRACE_ID_TO), endedWall);
  } else histogram.observe(seconds);
}
