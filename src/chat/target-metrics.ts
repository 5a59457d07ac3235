import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ConfigStore } from '../config/config-store.js';
import { type Model } from '../kernel/snapshot.js';
import { GatewayMetrics } from '../observability/gateway-metrics.js';
import { type TargetState } from '../resilience/target-state.js';
import { TargetStates } from '../resilience/target-states.js';

const BREAKER = { closed: 0, open: 1, halfOpen: 2 } as const;

/** Shows what the process knows of each target, read when it is scraped. */
@Injectable()
export class TargetMetrics implements OnModuleInit {
  constructor(
    private readonly metrics: GatewayMetrics,
    private readonly states: TargetStates,
    private readonly config: ConfigStore,
  ) {}

  onModuleInit(): void {
    const { metrics } = this;
    metrics.breakerState.readFrom(() => this.#perTarget(({ breaker }) => BREAKER[breaker.state]));
    metrics.coolDown.readFrom(() => this.#perTarget(({ coolDown }) => Number(coolDown.isCooling())));
    metrics.limiterLimit.readFrom(() => this.#perTarget(({ limiter }) => limiter.limit));
    metrics.limiterInFlight.readFrom(() => this.#perTarget(({ limiter }) => limiter.inFlight));
    metrics.limiterSaturation.readFrom(() => this.#perModel((states) => saturation(states)));
    metrics.targetsAvailable.readFrom(() => this.#perModel((states) => states.filter(isAvailable).length));
  }

  #perTarget(value: (state: TargetState) => number): Reading[] {
    const seen = new Map<string, Reading>();
    for (const state of this.states.all()) {
      const { provider, model } = state.target;
      seen.set(state.target.id, { labels: { provider: provider.name, model }, value: value(state) });
    }
    return [...seen.values()];
  }

  #perModel(value: (states: readonly TargetState[]) => number): Reading[] {
    const models: Model[] = [...this.config.current.models.values()];
    return models.map(({ name, targets }) => ({
      labels: { model: name },
      value: value(targets.map((target) => this.states.of(target))),
    }));
  }
}

interface Reading {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

function saturation(states: readonly TargetState[]): number {
  let limit = 0;
  let inFlight = 0;
  for (const { limiter } of states) {
    limit += limiter.limit;
    inFlight += limiter.inFlight;
  }
  return limit === 0 ? 0 : inFlight / limit;
}

function isAvailable({ breaker, coolDown }: TargetState): boolean {
  return breaker.state === 'closed' && !coolDown.isCooling();
}
