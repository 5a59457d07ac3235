import { Module } from '@nestjs/common';
import { ConfigStore } from '../config/config-store.js';
import { GatewayConfigModule } from '../config/config.module.js';
import { ClockModule } from '../http/clock.module.js';
import { type Clock } from '../kernel/clock.js';
import { CLOCK } from '../kernel/tokens.js';
import { LeaseKeeper } from './lease-keeper.js';
import { Ledger } from './ledger.js';
import { MemoryQuotaStore } from './memory-quota-store.js';
import { QuotaGuard } from './quota.guard.js';
import { QUOTA_STORE } from './quota.tokens.js';
import { type QuotaStore } from './quota-store.js';

@Module({
  imports: [ClockModule, GatewayConfigModule],
  providers: [
    {
      provide: QUOTA_STORE,
      inject: [ConfigStore, CLOCK],
      useFactory: (config: ConfigStore, clock: Clock): QuotaStore => new MemoryQuotaStore(clock, config.current.quota),
    },
    Ledger,
    LeaseKeeper,
    QuotaGuard,
  ],
  exports: [QUOTA_STORE, Ledger, LeaseKeeper, QuotaGuard],
})
export class QuotaModule {}
