import { Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult, type HealthIndicatorStatus } from '@nestjs/terminus';
import { ConfigStore } from '../config/config-store.js';
import { DrainState } from '../resilience/drain-state.js';
import { LoadShedding } from '../resilience/load-shedding.js';
import { ProviderHealth } from '../resilience/provider-health.js';

/** The level of shedding at which everything but health is refused. */
const REFUSING_ALL = 4;

/** What readiness depends on: the drain, and whether any provider could serve. */
@Injectable()
export class ReadinessIndicator {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly drain: DrainState,
    private readonly config: ConfigStore,
    private readonly load: LoadShedding,
    private readonly health: ProviderHealth,
  ) {}

  gateway(): HealthIndicatorResult {
    const check = this.indicators.check('gateway');
    if (this.drain.unready) return check.down({ reason: 'shutting_down' });
    if (this.load.level >= REFUSING_ALL) return check.down({ reason: 'overloaded' });
    return this.health.couldServe ? check.up() : check.down({ reason: 'no_provider_available' });
  }

  /** One entry per enabled provider: up or down, nothing more, and no verdict: one that is down is no reason to leave. */
  providers(): HealthIndicatorResult {
    const enabled = [...this.config.current.providers.values()].filter((provider) => provider.enabled);
    return Object.fromEntries(
      enabled.map(({ name }): [string, { status: HealthIndicatorStatus }] => [
        name,
        { status: this.health.isUp(name) ? 'up' : 'down' },
      ]),
    );
  }
}
