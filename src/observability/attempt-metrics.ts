import { Injectable } from '@nestjs/common';
import { type AttemptFact } from '../kernel/channels.js';
import { type AttemptRecord, type RequestContext } from '../kernel/request-context.js';
import { EndedFacts } from './ended-facts.js';
import { type CounterChild, type HistogramChild, kept } from './fast-metrics.js';
import { GatewayMetrics } from './gateway-metrics.js';

/** What is counted of one provider. */
interface ProviderChildren {
  /** First attempts that went well, nearly all, by model: found without joining their labels to a name. */
  readonly served: Map<string, CounterChild>;
  firstToken: HistogramChild | undefined;
}

/** Counts attempts, once each, when they end. */
@Injectable()
export class AttemptMetrics {
  readonly #others = new Map<string, CounterChild>();
  readonly #providers = new Map<string, ProviderChildren>();

  constructor(
    private readonly metrics: GatewayMetrics,
    facts: EndedFacts,
  ) {
    facts.onAttempt((fact) => {
      this.#count(fact);
    });
  }

  #count({ ctx, attempt }: AttemptFact): void {
    const { firstContentAt, kind, startedAt, target } = attempt;
    const { name } = target.provider;
    const provider = kept(this.#providers, name, () => ({
      served: new Map<string, CounterChild>(),
      firstToken: undefined,
    }));
    const model = ctx.model?.name ?? 'other';
    this.#counterOf(attempt, model, provider).add();
    if (firstContentAt !== undefined) {
      provider.firstToken ??= this.metrics.upstreamFirstToken.child({ provider: name });
      provider.firstToken.observe((firstContentAt - startedAt) / 1000);
    }
    if (kind !== 'first') this.#countAgain(ctx, attempt, model);
  }

  #counterOf(attempt: AttemptRecord, model: string, { served }: ProviderChildren): CounterChild {
    const { kind, chaos, target } = attempt;
    const { outcome = 'ignored', reason = 'none' } = attempt;
    const labels = () => ({
      provider: target.provider.name,
      model,
      kind,
      outcome,
      reason,
      injected: String(chaos !== undefined),
    });
    if (outcome === 'success' && kind === 'first' && chaos === undefined) {
      return kept(served, model, () => this.metrics.attempts.child(labels()));
    }
    const given = labels();
    return kept(this.#others, Object.values(given).join(' '), () => this.metrics.attempts.child(given));
  }

  /** What is not a request's first attempt. */
  #countAgain(ctx: RequestContext, attempt: AttemptRecord, model: string): void {
    const { kind, target } = attempt;
    const at = ctx.attempts.indexOf(attempt);
    const left = ctx.attempts[at - 1]?.target.provider.name ?? 'none';
    if (kind === 'failover') this.#countPer('failovers', left, model);
    // The first failover is free of the retry budget, whatever follows is not.
    if (kind === 'retry' || (kind === 'failover' && at >= 2)) this.#countPer('retries', target.provider.name, model);
  }

  #countPer(metric: 'failovers' | 'retries', provider: string, model: string): void {
    kept(this.#others, `${metric} ${provider} ${model}`, () => this.metrics[metric].child({ provider, model })).add();
  }
}
