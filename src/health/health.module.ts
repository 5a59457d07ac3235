import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { ConfigStore } from '../config/config-store.js';
import { GatewayConfigModule } from '../config/config.module.js';
import { ResilienceModule } from '../resilience/resilience.module.js';
import { HealthController, READINESS_DETAIL } from './health.controller.js';
import { ReadinessIndicator } from './readiness.indicator.js';

@Module({
  imports: [TerminusModule.forRoot({ logger: false }), GatewayConfigModule, ResilienceModule],
  controllers: [HealthController],
  providers: [
    ReadinessIndicator,
    {
      provide: READINESS_DETAIL,
      inject: [ConfigStore],
      // Where callers need a key, a stranger learns no names.
      useFactory: (config: ConfigStore) => () => config.current.anonymous !== undefined,
    },
  ],
  exports: [ReadinessIndicator],
})
export class HealthModule {}
