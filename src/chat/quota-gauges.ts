import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { ConfigStore } from '../config/config-store.js';
import { GatewayMetrics } from '../observability/gateway-metrics.js';
import { LeaseKeeper } from '../quota/lease-keeper.js';
import { type QuotaStore } from '../quota/quota-store.js';
import { QUOTA_STORE } from '../quota/quota.tokens.js';
import { ResilientQuotaStore } from '../quota/resilient-quota-store.js';

/** Shows the state of the quota store, read when it is scraped. What only a shared store has is absent without one. */
@Injectable()
export class QuotaGauges implements OnModuleInit {
  constructor(
    private readonly metrics: GatewayMetrics,
    private readonly leases: LeaseKeeper,
    private readonly config: ConfigStore,
    @Inject(QUOTA_STORE) private readonly store: QuotaStore,
  ) {}

  onModuleInit(): void {
    const { metrics, store } = this;
    metrics.reserved.readFrom(() => reading(this.leases.reservedNanoUsd));
    if (!(store instanceof ResilientQuotaStore)) return;
    metrics.redisUp.readFrom(() => reading(Number(store.mode === 'shared')));
    metrics.storeGateways.readFrom(() => reading(store.gateways));
    metrics.failClosedKeys.readFrom(() => reading(this.#failClosedKeys()));
    metrics.journalEntries.readFrom(() => reading(store.journal.size));
    metrics.journalFill.readFrom(() => reading(store.journal.fillRatio));
  }

  #failClosedKeys(): number {
    const { keys, anonymous } = this.config.current;
    const principals = [...keys.map(({ principal }) => principal), ...(anonymous ? [anonymous] : [])];
    return principals.filter(({ budgets, budgetOnRedisDown }) => budgets.length > 0 && budgetOnRedisDown === 'deny')
      .length;
  }
}

function reading(value: number): { labels: object; value: number }[] {
  return [{ labels: {}, value }];
}
