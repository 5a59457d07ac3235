import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { mistakesOf } from './promql.js';
import { hasTool, pathOf, readText, readYaml, run } from './repository.js';

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}
interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}
interface TestFile {
  readonly tests: readonly { readonly promql_expr_test: readonly { readonly exp_samples: { labels: string }[] }[] }[];
}

const FOLDER = 'docker/prometheus';
const rulesOf = (name: string): Rule[] =>
  readYaml<RuleFile>(`${FOLDER}/rules/${name}.yml`).groups.flatMap(({ rules }) => rules);
const recording = rulesOf('recording');
const alerts = rulesOf('alerts').map((rule) => ({ name: rule.alert!, ...rule }));
const recorded = new Set(recording.map(({ record }) => record!));
const testFiles = readdirSync(pathOf(`${FOLDER}/tests`)).map((name) => `${FOLDER}/tests/${name}`);

describe.skipIf(!hasTool('promtool'))('promtool', () => {
  it('accepts the configuration and the rules', () => {
    const { status, output } = run('promtool', 'check', 'config', `${FOLDER}/prometheus.yml`);
    expect(status, output).toBe(0);
  });

  it('accepts the rules without a lint finding', () => {
    const files = ['recording', 'alerts'].map((name) => `${FOLDER}/rules/${name}.yml`);
    const { status, output } = run('promtool', 'check', 'rules', '--lint=all', '--lint-fatal', ...files);
    expect(status, output).toBe(0);
  });

  it.each(testFiles)(
    'passes %s',
    (file) => {
      const { status, output } = run('promtool', 'test', 'rules', file);
      expect(status, output).toBe(0);
    },
    120_000,
  );
});

describe.skipIf(!hasAmtool())('amtool', () => {
  it('accepts the example of an Alertmanager configuration', () => {
    const { status, output } = run('amtool', 'check-config', 'docker/alertmanager/alertmanager.yml');
    expect(status, output).toBe(0);
  });
});

// Debian's package prometheus-alertmanager; CI may do without.
function hasAmtool(): boolean {
  return run('sh', '-c', 'command -v amtool').status === 0;
}

describe('every rule', () => {
  it.each([...recording, ...alerts].map(({ expr }) => expr))('reads only what is exported or recorded: %s', (expr) => {
    expect(mistakesOf(expr, recorded)).toEqual([]);
  });

  it('has a name of its own', () => {
    const names = alerts.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('the check of names', () => {
  it.each([
    ['rate(gateway_request_total[5m])', 'gateway_request_total is not in docs/METRICS.md'],
    ['sum(gateway_requests_total{provider="a"})', 'gateway_requests_total has no label provider'],
    ['gateway_requests_total{slo=~"good|worse"}', 'gateway_requests_total{slo="worse"} cannot be'],
    ['sum by (key) (gateway_shed_level)', 'sum by (key) (gateway_shed_level): groups by key'],
    ['vector(1)', 'vector(1): selects nothing'],
    ['gateway_shed_level_bucket', 'gateway_shed_level_bucket is not in docs/METRICS.md'],
  ])('finds the mistake in %s', (expr, mistake) => {
    expect(mistakesOf(expr, recorded)).toEqual([mistake]);
  });
});

describe('every alert', () => {
  const headings = [...readText('docs/OPERATIONS.md').matchAll(/^### (\w+)$/gm)].map((match) => match[1]!);
  const fired = new Set(
    testFiles
      .flatMap((file) => readYaml<TestFile>(file).tests)
      .flatMap((test) => test.promql_expr_test.flatMap((check) => check.exp_samples.map(({ labels }) => labels))),
  );

  it.each(alerts)('$name has a severity, a summary, a description and a runbook that exists', (alert) => {
    expect(alert.labels!.severity).toMatch(/^(page|ticket)$/);
    expect(alert.annotations!.summary).toBeTruthy();
    expect(alert.annotations!.description).toBeTruthy();
    expect(alert.annotations!.runbook_url).toBe(`docs/OPERATIONS.md#${alert.name.toLowerCase()}`);
    expect(headings).toContain(alert.name);
  });

  it.each(alerts)('$name fires in a unit test', ({ name }) => {
    expect(fired).toContain(`{alertname="${name}"}`);
  });

  it('is the only thing that the runbook has sections for', () => {
    expect([...headings].sort()).toEqual(alerts.map(({ name }) => name).sort());
  });

  it('that pages on an error budget has a guard against low traffic', () => {
    const pages = alerts.filter(
      ({ name, labels }) => name.includes('Budget') && labels!.severity === 'page' && labels!.slo,
    );
    expect(pages.length).toBeGreaterThan(6);
    for (const { expr } of pages) expect(expr).toMatch(/:increase\w+ >= 5 and .*:increase\w+ >= 50/);
  });
});

describe('the burn-rate rules', () => {
  const table = {
    Fast: ['1h', '5m', '14.4 * '],
    Steady: ['6h', '30m', '6 * '],
    Slow: ['1d', '2h', '3 * '],
    Leak: ['3d', '6h', ''],
  };
  const budgets = {
    ErrorBudget: ['bad', '0.001'],
    CriticalBudget: ['critical_bad', '0.0005'],
    StreamBudget: ['stream_bad', '0.001'],
  };
  const cases = Object.entries(budgets).flatMap(([budget, sli]) =>
    Object.entries(table).map(([rate, row]) => ({ name: `Gateway${budget}${rate}`, sli, row })),
  );

  it.each(cases)('$name compares both windows with its burn rate', ({ name, sli: [sli, allowed], row }) => {
    const [long, short, factor] = row;
    const { expr } = alerts.find((alert) => alert.name === name)!;
    const both = `gw:${sli}:ratio_rate${long} > ${factor}${allowed} and gw:${sli}:ratio_rate${short} > ${factor}${allowed}`;
    expect(expr.startsWith(both)).toBe(true);
  });
});

describe('the PrometheusRule of Kubernetes', () => {
  it('is what the generator makes of the rules', () => {
    const { status, output } = run(process.execPath, 'scripts/generate-prometheus-rule.mjs', '--check');
    expect(status, output).toBe(0);
  });

  it('has every rule and nothing else', () => {
    const { spec } = readYaml<{ spec: RuleFile }>('k8s/base/prometheus-rule.yaml');
    expect(spec.groups.flatMap(({ rules }) => rules)).toEqual([...rulesOf('recording'), ...rulesOf('alerts')]);
  });
});
