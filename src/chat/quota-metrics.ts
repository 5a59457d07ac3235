import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { ConfigStore } from '../config/config-store.js';
import { GatewayMetrics } from '../observability/gateway-metrics.js';
import { LeaseKeeper } from '../quota/lease-keeper.js';
import { QUOTA_STORE } from '../quota/quota.tokens.js';
import { type QuotaStore } from '../quota/quota-store.js';
import { ResilientQuotaStore } from '../quota/resilient-quota-store.js';

/** Shows what is held and how the shared store is, read when it is scraped. */
@Injectable()
export class QuotaMetrics implements OnModuleInit {
  constructor(
    private readonly metrics: GatewayMetrics,
    private readonly leases: LeaseKeeper,
    private readonly config: ConfigStore,
    @Inject(QUOTA_STORE) private readonly store: QuotaStore,
  ) {}

  onModuleInit(): void {
    const { metrics, store } = this;
    metrics.reserved.readFrom(() => [{ labels: {}, value: this.leases.reservedNanoUsd }]);
    // The embedded store cannot be away: its process would be, too.
    if (!(store instanceof ResilientQuotaStore)) return;
    metrics.redisUp.readFrom(() => [{ labels: {}, value: Number(store.mode === 'shared') }]);
    metrics.failClosedKeys.readFrom(() => [{ labels: {}, value: this.#failClosedKeys() }]);
    metrics.journalEntries.readFrom(() => [{ labels: {}, value: store.journal.size }]);
    metrics.journalFill.readFrom(() => [{ labels: {}, value: store.journal.fill }]);
  }

  #failClosedKeys(): number {
    return this.config.current.keys.filter(
      ({ principal }) => principal.budgets.length > 0 && principal.budgetOnRedisDown === 'deny',
    ).length;
  }
}
