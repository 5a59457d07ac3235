import { Module } from '@nestjs/common';
import { GatewayConfigModule } from '../config/config.module.js';
import { ClockModule } from '../http/clock.module.js';
import { ProvidersModule } from '../providers/providers.module.js';
import { ChaosControl } from './chaos-control.js';

@Module({
  imports: [ClockModule, GatewayConfigModule, ProvidersModule],
  providers: [ChaosControl],
  exports: [ChaosControl],
})
export class ChaosModule {}
