import { describe, expect, it } from 'vitest';
import { type ConfigStore, configReloads } from '../config/config-store.js';
import {
  authenticationFailed,
  breakerTransitions,
  quotaRefused,
  requestRefused,
  requestShed,
} from '../kernel/channels.js';
import { targetOf } from '../../test/support/target.js';
import { FactMetrics } from './fact-metrics.js';
import { GatewayMetrics } from './gateway-metrics.js';

async function scrapeAfter(publish: () => void): Promise<string> {
  const metrics = new GatewayMetrics();
  const facts = new FactMetrics(metrics, { current: { version: 'ffffffffffff0000' } } as unknown as ConfigStore);
  facts.onModuleInit();
  publish();
  facts.onModuleDestroy();
  return metrics.registry.metrics();
}

describe('the metrics of seldom facts', () => {
  it('count refused keys from 0', async () => {
    expect(await scrapeAfter(() => undefined)).toContain('gateway_auth_failures_total 0\n');
    const once = await scrapeAfter(() => {
      authenticationFailed.publish({ address: '192.0.2.1' });
    });
    expect(once).toContain('gateway_auth_failures_total 1\n');
    expect(once).not.toContain('192.0.2.1');
  });

  it.each([
    ['requests', 'requests'],
    ['budgetSpent', 'budget'],
    ['tooManyTokens', 'too_large'],
    ['closed', 'store_unavailable'],
  ])('tell the refusal %s as %s', async (reason, label) => {
    const text = await scrapeAfter(() => {
      quotaRefused.publish({ reason });
    });
    expect(text).toContain(`gateway_quota_refusals_total{reason="${label}"} 1\n`);
  });

  it('tell a breaker in the words of the documentation', async () => {
    const text = await scrapeAfter(() => {
      const target = targetOf('openai');
      breakerTransitions.publish({ target, from: 'open', to: 'halfOpen', reason: 'openElapsed', openMs: 0 });
    });
    expect(text).toContain('from="open",to="half_open",reason="open_time_over"} 1\n');
  });

  it('count the same label values apart for two metrics', async () => {
    const text = await scrapeAfter(() => {
      requestShed.publish({ reason: 'level', priority: 'default' });
      quotaRefused.publish({ reason: 'level default' });
    });
    expect(text).toContain('gateway_shed_total{reason="level",band="default"} 1\n');
    expect(text).toContain('gateway_quota_refusals_total{reason="level default"} 1\n');
  });

  it('count a chat request that was turned away at the door among the requests', async () => {
    const text = await scrapeAfter(() => {
      requestRefused.publish({ code: 'overloaded', status: 503, priority: 'sheddable' });
      requestRefused.publish({ code: 'overloaded', status: 503, priority: 'default' });
      requestRefused.publish({ code: 'invalid_api_key', status: 401, priority: 'default' });
    });
    const refused = (code: string, status: string, band: string, slo: string): string =>
      `gateway_requests_total{model="other",code="${code}",stream="false",status_class="${status}",band="${band}",slo="${slo}",injected="false"} 1\n`;
    expect(text).toContain(refused('overloaded', '5xx', 'sheddable', 'excluded'));
    expect(text).toContain(refused('overloaded', '5xx', 'default', 'bad'));
    expect(text).toContain(refused('invalid_api_key', '4xx', 'default', 'excluded'));
  });

  it('say that the file on disk is not the one in force after a rejected reload', async () => {
    const text = await scrapeAfter(() => {
      configReloads.publish({ result: 'rejected', version: 'v', problems: ['no'], warnings: [] });
    });
    expect(text).toContain('gateway_config_valid 0\n');
    expect(text).toContain('gateway_config_reload_total{result="rejected"} 1\n');
    expect(text).toContain(`gateway_config_hash ${2 ** 48 - 1}\n`);
  });
});
