import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { type AttemptFact, attemptEnded, requestEnded, requestOpened } from '../kernel/channels.js';
import { type Clock } from '../kernel/clock.js';
import { type AttemptRecord, type RequestContext } from '../kernel/request-context.js';
import { CLOCK } from '../kernel/tokens.js';
import { type CounterChild, type HistogramChild } from './fast-metrics.js';
import { addedMs } from './added-latency.js';
import { classOf } from './request-class.js';
import { GatewayMetrics } from './gateway-metrics.js';

/** The status that the log shows for a caller that left before it got one. */
const LEFT = 499;

interface ModelChildren {
  readonly duration: HistogramChild;
  readonly firstToken: HistogramChild;
  readonly perToken: HistogramChild;
  readonly added: HistogramChild;
  readonly inputTokens: HistogramChild;
  readonly outputTokens: HistogramChild;
  readonly input: CounterChild;
  readonly output: CounterChild;
}

/** Counts requests and attempts, once each, when they end. */
@Injectable()
export class RequestMetrics implements OnModuleInit, OnModuleDestroy {
  readonly #counters = new Map<string, CounterChild>();
  readonly #providers = new Map<string, HistogramChild>();
  readonly #models = new Map<string, ModelChildren>();
  #unsubscribe: (() => void)[] = [];
  #inFlight = 0;

  constructor(
    private readonly metrics: GatewayMetrics,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.metrics.inFlight.readFrom(() => [{ labels: {}, value: this.#inFlight }]);
    this.#unsubscribe = [
      requestOpened.subscribe(() => this.#inFlight++),
      requestEnded.subscribe((ctx) => this.#countRequest(ctx)),
      attemptEnded.subscribe((fact) => this.#countAttempt(fact)),
    ];
  }

  onModuleDestroy(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  #countRequest(ctx: RequestContext): void {
    this.#inFlight--;
    const model = ctx.model?.name ?? 'other';
    const stream = ctx.request?.stream === true;
    const code = ctx.end === 'cancelled' ? 'cancelled' : (ctx.code ?? 'ok');
    const band = ctx.principal.priority;
    const slo = classOf(ctx);
    const key = `r ${model} ${code} ${stream} ${ctx.status} ${band} ${slo} ${ctx.chaos !== undefined}`;
    const child =
      this.#counters.get(key) ??
      this.#keep(
        key,
        this.metrics.requests.child({
          model,
          code,
          stream: String(stream),
          status_class: statusClass(ctx.status),
          band,
          slo,
          injected: String(ctx.chaos !== undefined),
        }),
      );
    child.add();
    if (ctx.answeredBy) this.#observe(ctx, model, stream);
  }

  #observe(ctx: RequestContext, model: string, stream: boolean): void {
    const children = this.#models.get(model) ?? this.#model(model);
    const now = this.clock.now();
    children.duration.observe((now - ctx.receivedAt) / 1000);
    const { charge, firstContentAt } = ctx;
    if (charge) {
      children.inputTokens.observe(charge.promptTokens);
      children.outputTokens.observe(charge.completionTokens);
      children.input.add(charge.promptTokens);
      children.output.add(charge.completionTokens);
      this.#countCost(ctx, charge.costNanoUsd, charge.usageSource);
    }
    if (firstContentAt === undefined) return;
    if (stream) {
      children.firstToken.observe((firstContentAt - ctx.receivedAt) / 1000);
      const tokens = (charge?.completionTokens ?? 0) - 1;
      if (tokens > 0) children.perToken.observe((now - firstContentAt) / 1000 / tokens);
    }
    children.added.observe(addedMs(ctx, firstContentAt) / 1000);
  }

  #countCost(ctx: RequestContext, costNanoUsd: number, source: string): void {
    const model = ctx.model?.name ?? 'other';
    const provider = ctx.answeredBy?.target.provider.name ?? 'none';
    const costKey = `c ${provider} ${model}`;
    const cost = this.#counters.get(costKey) ?? this.#keep(costKey, this.metrics.cost.child({ provider, model }));
    cost.add(costNanoUsd);
    const sourceKey = `u ${source}`;
    const known = this.#counters.get(sourceKey) ?? this.#keep(sourceKey, this.metrics.usageSource.child({ source }));
    known.add();
  }

  #countAttempt({ ctx, attempt }: AttemptFact): void {
    const { target, kind } = attempt;
    const outcome = attempt.outcome ?? 'ignored';
    const reason = attempt.reason ?? 'none';
    const model = ctx.model?.name ?? 'other';
    const injected = String(attempt.chaos !== undefined);
    const key = `a ${target.id} ${model} ${kind} ${outcome} ${reason} ${injected}`;
    const labels = { provider: target.provider.name, model, kind, outcome, reason, injected };
    const child = this.#counters.get(key) ?? this.#keep(key, this.metrics.attempts.child(labels));
    child.add();
    this.#countTimes(ctx, attempt, model);
  }

  #countTimes(ctx: RequestContext, attempt: AttemptRecord, model: string): void {
    const { firstContentAt, kind, startedAt, target } = attempt;
    if (firstContentAt !== undefined) {
      const { name } = target.provider;
      const known = this.#providers.get(name) ?? this.metrics.upstreamFirstToken.child({ provider: name });
      this.#providers.set(name, known);
      known.observe((firstContentAt - startedAt) / 1000);
    }
    if (kind === 'first') return;
    const at = ctx.attempts.indexOf(attempt);
    const left = ctx.attempts[at - 1]?.target.provider.name ?? 'none';
    if (kind === 'failover') this.#countPer('failovers', left, model);
    // The first failover is free of the retry budget, whatever follows is not.
    if (kind === 'retry' || (kind === 'failover' && at >= 2)) this.#countPer('retries', target.provider.name, model);
  }

  #countPer(metric: 'failovers' | 'retries', provider: string, model: string): void {
    const key = `${metric} ${provider} ${model}`;
    const child = this.#counters.get(key) ?? this.#keep(key, this.metrics[metric].child({ provider, model }));
    child.add();
  }

  #keep(key: string, child: CounterChild): CounterChild {
    this.#counters.set(key, child);
    return child;
  }

  #model(model: string): ModelChildren {
    const labels = { gen_ai_request_model: model };
    const { metrics } = this;
    const children: ModelChildren = {
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

/** A caller that left before it got a status saw none. */
function statusClass(status: number): string {
  return status === LEFT ? '0xx' : `${Math.floor(status / 100)}xx`;
}
