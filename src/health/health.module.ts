import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { ConfigurationModule } from '../config/config.module.js';
import { ResilienceModule } from '../resilience/resilience.module.js';
import { HealthController } from './health.controller.js';
import { ReadinessIndicator } from './readiness.indicator.js';

@Module({
  imports: [TerminusModule.forRoot({ logger: false }), ConfigurationModule, ResilienceModule],
  controllers: [HealthController],
  providers: [ReadinessIndicator],
  exports: [ReadinessIndicator],
})
export class HealthModule {}
