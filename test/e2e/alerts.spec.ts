import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasTool, readText, readYaml } from '../platform/repository.js';
import { GatewayProcess } from '../support/gateway-process.js';
import { PrometheusProcess, scaledRules } from '../support/prometheus-process.js';
import { SimulatedProcess } from '../support/simulated-process.js';

const PAGE = 'GatewayErrorBudgetFast';
const PAUSE_MS = 10;
const WITHIN_MS = 40_000;

/** Panels' queries without an answer here, by a part of their text, and why there can be none. */
const QUIET: Readonly<Record<string, string>> = {
  'gw:critical_bad': 'no key of the band critical asks',
  'outcome="throttle"': 'the upstream answers no 429',
  gateway_breaker_transitions_total: 'the breaker is off, so that each request meets the fault',
  gateway_failovers_total: 'there is one target',
  'gw:retry:': 'one attempt is all that a request has',
  gateway_hedge_total: 'hedging is off, as it is shipped',
  gateway_shed_total: 'shedding is off, so that a busy machine does not page',
  gateway_quota_refusals_total: 'nobody has a limit',
  gateway_quota_store_: 'no Redis',
  gateway_redis_up: 'no Redis',
  gateway_settlement_journal: 'no Redis',
  gateway_audit_difference: 'nobody asked for an audit',
  'gw:usage_estimated:': 'the upstream reports all usage',
  gateway_guardrail_blocks_total: 'there is no content rule',
};

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets?: readonly { readonly expr: string }[] }[];
}
const queries = readYaml<Dashboard>('docker/grafana/dashboards/gateway.json').panels.flatMap(
  ({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ title, expr: expr.replaceAll('$__rate_interval', '20s').replaceAll('$model', '.*') })),
);

// Needs Debian's prometheus; continuous integration installs it.
describe.skipIf(!hasTool('prometheus'))('a Prometheus that scrapes a gateway', () => {
  let upstream: SimulatedProcess;
  let gateway: GatewayProcess;
  let prometheus: PrometheusProcess;
  let sending = true;
  let traffic: Promise<unknown>;

  beforeAll(async () => {
    upstream = await SimulatedProcess.start({ 'token-ms': 0 });
    gateway = await GatewayProcess.start({
      config: {
        version: 1,
        auth: { anonymous: { enabled: true, models: ['*'] } },
        providers: [{ name: 'p', kind: 'openai', baseUrl: upstream.baseUrl, allowPrivate: true }],
        models: [
          { name: 'm', targets: [{ provider: 'p', model: 'x' }], price: { inputPerMillion: 1, outputPerMillion: 1 } },
        ],
        resilience: { maxAttempts: 1, breaker: { enabled: false }, shedding: { enabled: false } },
      },
    });
    const rules = ['recording', 'alerts'].map((name) => scaledRules(readText(`docker/prometheus/rules/${name}.yml`)));
    prometheus = await PrometheusProcess.start(gateway.opsUrl, rules);
    const worker = async (): Promise<void> => {
      for (let turn = 0; sending; turn++) {
        const model = turn % 10 === 9 ? 'unknown' : 'm';
        const ask = { model, max_tokens: 5, messages: [{ role: 'user', content: 'hi' }], stream: turn % 2 === 0 };
        await (await gateway.post(ask)).text();
        await sleep(PAUSE_MS);
      }
    };
    traffic = Promise.all([worker(), worker()]);
  });
  afterAll(async () => {
    sending = false;
    await traffic;
    await Promise.all([prometheus.stop(), gateway.stop(), upstream.stop()]);
  });

  it('pages while an upstream fails, and stops when it answers again', async () => {
    const fires = async (): Promise<boolean> => (await prometheus.firing()).includes(PAGE);
    await prometheus.until(async () => (await prometheus.series('gw:bad:ratio_rate5m')) > 0, WITHIN_MS);
    await sleep(3_000);
    expect(await fires()).toBe(false);
    await upstream.control({ faults: ['status-503'] });
    await prometheus.until(fires, WITHIN_MS);
    await upstream.control({ faults: [] });
    await prometheus.until(async () => !(await fires()), WITHIN_MS);
  }, 120_000);

  it('answers the query of every panel, with data wherever something happened', async () => {
    const empty: string[] = [];
    for (const { title, expr } of queries) if ((await prometheus.series(expr)) === 0) empty.push(`${title}: ${expr}`);
    const parts = Object.keys(QUIET);
    expect(empty.filter((query) => !parts.some((part) => query.includes(part)))).toEqual([]);
    // What has data after all may not stay excused.
    expect(parts.filter((part) => !empty.some((query) => query.includes(part)))).toEqual([]);
  });
});
