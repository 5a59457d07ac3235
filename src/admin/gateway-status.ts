import { Injectable } from '@nestjs/common';
import { ConfigStore } from '../config/config-store.js';
import { type BreakerState } from '../resilience/breaker.js';
import { DrainState } from '../resilience/drain-state.js';
import { InFlightRequests } from '../http/in-flight-requests.js';
import { LoadShedding } from '../resilience/load-shedding.js';
import { type Override, Overrides } from '../resilience/overrides.js';
import { type TargetState } from '../resilience/target-state.js';
import { TargetStates } from '../resilience/target-states.js';
import { AttemptShares } from './attempt-shares.js';
import { type TrafficSecond, TrafficWindow } from './traffic-window.js';

/** One target, as operators see it. Times in ms; null = nothing known yet. */
export interface TargetStatus {
  readonly id: string;
  readonly provider: string;
  readonly model: string;
  readonly enabled: boolean;
  readonly drained: boolean;
  readonly weight: number;
  readonly weightFactor: number;
  readonly tier: number;
  readonly breaker: { readonly state: BreakerState; readonly remainingOpenMs: number };
  readonly coolDownMs: number;
  readonly limiter: { readonly limit: number; readonly inFlight: number };
  readonly queued: number;
  readonly ttftMs: { readonly p50: number | null; readonly p95: number | null };
  /** Share of the last 1,000 attempts that went there, 0 to 1. */
  readonly recentShare: number;
}

/** The answer of `GET /admin/status`. */
export interface StatusReport {
  readonly config: { readonly version: string; readonly loadedAt: number };
  readonly draining: boolean;
  readonly inFlight: number;
  readonly load: { readonly level: number; readonly causes: readonly string[] };
  /** The last finished second. */
  readonly traffic: TrafficSecond | null;
  readonly overrides: readonly Override[];
  readonly targets: readonly TargetStatus[];
}

/** The state of the process at a glance. */
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

  read(): StatusReport {
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

  #target(state: TargetState, share: number): TargetStatus {
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
