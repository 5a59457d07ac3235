import { Module } from '@nestjs/common';
import { GatewayConfigModule } from '../config/config.module.js';
import { Environment } from '../config/env.js';
import { ClockModule } from '../http/clock.module.js';
import { type Clock } from '../kernel/clock.js';
import { CLOCK } from '../kernel/tokens.js';
import { AccessLog } from './access-log.js';
import { AttemptMetrics } from './attempt-metrics.js';
import { BreakerLog } from './breaker-log.js';
import { EndedFacts } from './ended-facts.js';
import { CredentialMetrics } from './credential-metrics.js';
import { FactMetrics } from './fact-metrics.js';
import { FlightRecorder } from './flight-recorder.js';
import { GatewayMetrics } from './gateway-metrics.js';
import { ProcessLogger } from './logger.js';
import { ProcessMetrics } from './process-metrics.js';
import { QuotaMetrics } from './quota-metrics.js';
import { RequestMetrics } from './request-metrics.js';
import { SloMetrics } from './slo-metrics.js';
import { SloTracker } from './slo-tracker.js';
import { Tracing } from './tracing/tracing.js';

@Module({
  imports: [ClockModule, GatewayConfigModule],
  providers: [
    AccessLog,
    AttemptMetrics,
    BreakerLog,
    EndedFacts,
    CredentialMetrics,
    FactMetrics,
    FlightRecorder,
    GatewayMetrics,
    ProcessMetrics,
    QuotaMetrics,
    RequestMetrics,
    SloMetrics,
    SloTracker,
    Tracing,
    {
      provide: ProcessLogger,
      inject: [Environment, CLOCK],
      useFactory: (environment: Environment, clock: Clock) => new ProcessLogger(environment.logLevel, clock),
    },
  ],
  exports: [EndedFacts, FlightRecorder, GatewayMetrics, ProcessLogger, SloTracker],
})
export class ObservabilityModule {}
