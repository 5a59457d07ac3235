import { Module } from '@nestjs/common';
import { GatewayConfigModule } from '../config/config.module.js';
import { Environment } from '../config/env.js';
import { ClockModule } from '../http/clock.module.js';
import { type Clock } from '../kernel/clock.js';
import { CLOCK } from '../kernel/tokens.js';
import { AccessLog } from './access-log.js';
import { GatewayMetrics } from './gateway-metrics.js';
import { ProcessLogger } from './logger.js';
import { RequestMetrics } from './request-metrics.js';

@Module({
  imports: [ClockModule, GatewayConfigModule],
  providers: [
    AccessLog,
    GatewayMetrics,
    RequestMetrics,
    {
      provide: ProcessLogger,
      inject: [Environment, CLOCK],
      useFactory: (environment: Environment, clock: Clock) => new ProcessLogger(environment.logLevel, clock),
    },
  ],
  exports: [GatewayMetrics, ProcessLogger],
})
export class ObservabilityModule {}
