import { Injectable } from '@nestjs/common';
import { ConfigStore } from '../config/config-store.js';
import { DrainState } from '../resilience/drain-state.js';
import { InFlightRequests } from '../resilience/in-flight-requests.js';
import { LoadShedding } from '../resilience/load-shedding.js';
import { Overrides } from '../resilience/overrides.js';
import { type TargetState } from '../resilience/target-state.js';
import { TargetStates } from '../resilience/target-states.js';
import { AttemptShares } from './attempt-shares.js';
import { TrafficWindow } from './traffic-window.js';

/** The state of the process at a glance. Times in ms; null = nothing known yet. */
@Injectable()
export class GatewayStatus {
  constructor(
    private readonly config: ConfigStore,
    private readonly states: TargetStates,
    private readonly inFlight: InFlightRequests,
    private readonly drain: DrainState,
    private readonly overrides: Overrides,
    private readonly shares: AttemptShares,
    private readonly load: LoadShedding,
    private readonly traffic: TrafficWindow,
  ) {}

  read(): Readonly<Record<string, unknown>> {
    const { version, loadedAt } = this.config.current;
    const shares = this.shares.shares();
    return {
      config: { version, loadedAt },
      draining: this.drain.unready,
      inFlight: this.inFlight.count,
      load: { level: this.load.level, causes: this.load.causes },
      traffic: this.traffic.last() ?? null,
      overrides: this.overrides.list(),
      targets: [...this.states.all()].map((state) => this.#target(state, shares.get(state.target.id) ?? 0)),
    };
  }

  #target(state: TargetState, share: number): Readonly<Record<string, unknown>> {
    const { target, breaker, coolDown, limiter, latency } = state;
    return {
      id: target.id,
      provider: target.provider.name,
      model: target.model,
      enabled: target.provider.enabled,
      drained: this.overrides.admitted([target]).length === 0,
      weight: target.weight,
      weightFactor: state.weightFactor * this.overrides.weightFactor(target),
      tier: target.tier,
      breaker: { state: breaker.state, remainingOpenMs: breaker.remainingOpenMs },
      coolDownMs: coolDown.remainingMs(),
      limiter: { limit: limiter.limit, inFlight: limiter.inFlight },
      queued: state.queue.length,
      ttftMs: { p50: latency.ttftQuantile(0.5) ?? null, p95: latency.ttftQuantile(0.95) ?? null },
      recentShare: Math.round(share * 1_000) / 1_000,
    };
  }
}
