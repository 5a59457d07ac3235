import { Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorFunction, type HealthIndicatorResult } from '@nestjs/terminus';
import { ConfigStore } from '../config/config-store.js';
import { DrainState } from '../resilience/drain-state.js';

/** What readiness depends on: the drain, and whether any provider could serve. */
@Injectable()
export class ReadinessIndicator {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly drain: DrainState,
    private readonly config: ConfigStore,
  ) {}

  gateway(): HealthIndicatorResult {
    const check = this.indicators.check('gateway');
    return this.drain.unready ? check.down({ reason: 'shutting_down' }) : check.up();
  }

  /** One entry per enabled provider: up or down, nothing more. */
  providers(): HealthIndicatorFunction[] {
    return [...this.config.current.providers.values()]
      .filter(({ enabled }) => enabled)
      .map(
        ({ name }) =>
          () =>
            this.indicators.check(name).up(),
      );
  }
}
