import { Module } from '@nestjs/common';
import { GatewayConfigModule } from '../config/config.module.js';
import { ClockModule } from '../http/clock.module.js';
import { InFlightModule } from '../http/in-flight.module.js';
import { ProvidersModule } from '../providers/providers.module.js';
import { AttemptRunner } from './attempt-runner.js';
import { DrainState } from './drain-state.js';
import { HealthProber } from './health-prober.js';
import { LoadShedding } from './load-shedding.js';
import { Overrides } from './overrides.js';
import { ProviderHealth } from './provider-health.js';
import { TargetStates } from './target-states.js';
import { WarmUp } from './warm-up.js';

const services = [
  AttemptRunner,
  DrainState,
  HealthProber,
  LoadShedding,
  Overrides,
  ProviderHealth,
  TargetStates,
  WarmUp,
];

@Module({
  imports: [ClockModule, GatewayConfigModule, InFlightModule, ProvidersModule],
  providers: services,
  exports: [...services, InFlightModule],
})
export class ResilienceModule {}
