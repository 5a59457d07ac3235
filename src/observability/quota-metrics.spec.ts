import { describe, expect, it } from 'vitest';
import {
  attemptWasted,
  reservationsExpired,
  settlementLost,
  storeReplayed,
  storeRoundTrips,
} from '../kernel/channels.js';
import { GatewayMetrics } from './gateway-metrics.js';
import { QuotaMetrics } from './quota-metrics.js';

async function scrapeAfter(publish: () => void): Promise<string> {
  const metrics = new GatewayMetrics();
  const quota = new QuotaMetrics(metrics);
  quota.onModuleInit();
  publish();
  quota.onModuleDestroy();
  publish();
  return metrics.registry.metrics();
}

describe('the metrics of quotas', () => {
  it('are there from 0', async () => {
    const text = await scrapeAfter(() => undefined);
    for (const name of [
      'gateway_upstream_waste_nanodollars_total',
      'gateway_upstream_waste_tokens_total',
      'gateway_reservations_expired_total',
      'gateway_settlement_journal_lost_total',
      'gateway_settlement_journal_lost_nanodollars_total',
      'gateway_quota_store_replays_total',
    ]) {
      expect(text).toContain(`${name} 0\n`);
    }
  });

  it('add up waste, expired reservations, losses and replays', async () => {
    const text = await scrapeAfter(() => {
      for (const nanoUsd of [30, 12]) attemptWasted.publish({ tokens: 5, nanoUsd });
      reservationsExpired.publish({ count: 3 });
      for (const nanoUsd of [100, 1]) settlementLost.publish({ nanoUsd });
      storeReplayed.publish({ reservations: 1, settlements: 2 });
    });
    expect(text).toContain('gateway_upstream_waste_nanodollars_total 42\n');
    expect(text).toContain('gateway_upstream_waste_tokens_total 10\n');
    expect(text).toContain('gateway_reservations_expired_total 3\n');
    expect(text).toContain('gateway_settlement_journal_lost_total 2\n');
    expect(text).toContain('gateway_settlement_journal_lost_nanodollars_total 101\n');
    expect(text).toContain('gateway_quota_store_replays_total 1\n');
  });

  it('time answers of the store by operation, and count those that did not come', async () => {
    const text = await scrapeAfter(() => {
      storeRoundTrips.publish({ operation: 'acquire', ms: 0.4, failed: false });
      storeRoundTrips.publish({ operation: 'acquire', ms: 4, failed: false });
      storeRoundTrips.publish({ operation: 'settle', ms: 75, failed: true });
    });
    expect(text).toContain('gateway_quota_store_latency_seconds_bucket{le="0.0005",operation="acquire"} 1\n');
    expect(text).toContain('gateway_quota_store_latency_seconds_count{operation="acquire"} 2\n');
    expect(text).not.toContain('gateway_quota_store_latency_seconds_count{operation="settle"}');
    expect(text).toContain('gateway_quota_store_errors_total{operation="settle"} 1\n');
  });
});
