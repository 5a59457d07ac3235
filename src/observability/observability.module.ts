import { Module } from '@nestjs/common';
import { ClockModule } from '../http/clock.module.js';
import { AccessLog } from './access-log.js';
import { GatewayMetrics } from './gateway-metrics.js';
import { RequestMetrics } from './request-metrics.js';

@Module({
  imports: [ClockModule],
  providers: [AccessLog, GatewayMetrics, RequestMetrics],
  exports: [GatewayMetrics],
})
export class ObservabilityModule {}
