import { Module } from '@nestjs/common';
import { ClockModule } from '../http/clock.module.js';
import { type Clock } from '../kernel/clock.js';
import { CLOCK } from '../kernel/tokens.js';
import { ProviderCatalog } from './catalog.js';

@Module({
  imports: [ClockModule],
  providers: [{ provide: ProviderCatalog, inject: [CLOCK], useFactory: (clock: Clock) => new ProviderCatalog(clock) }],
  exports: [ProviderCatalog],
})
export class ProvidersModule {}
