import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { mistakesOf } from './promql.js';
import { hasTool, readYaml, run } from './repository.js';

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly { readonly expr: string; readonly refId: string; readonly datasource: { uid: string } }[];
}
interface Dashboard {
  readonly panels: readonly Panel[];
  readonly annotations: { readonly list: readonly { readonly expr: string; readonly datasource: { uid: string } }[] };
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition: string }[] };
}

const { panels, annotations, templating } = readYaml<Dashboard>('docker/grafana/dashboards/gateway.json');
const recorded = new Set(
  readYaml<{ groups: { rules: { record: string }[] }[] }>('docker/prometheus/rules/recording.yml').groups.flatMap(
    ({ rules }) => rules.map(({ record }) => record),
  ),
);
const targets = panels.flatMap((panel) => (panel.targets ?? []).map(({ expr }) => ({ panel: panel.title, expr })));

describe('the dashboard', () => {
  it('has its eleven rows in the order of the questions to ask', () => {
    const rows = panels.filter(({ type }) => type === 'row').map(({ title }) => title);
    expect(rows.map((title) => title.split(' · ')[1])).toEqual([
      'Error budget',
      'Requests',
      'Latency',
      'Providers',
      'Failovers, retries, hedges',
      'Queue and shedding',
      'Quota',
      'Tokens and cost',
      'Process',
      'Refusals',
      'Configuration, deployments, chaos',
    ]);
    expect(rows.map((title) => Number.parseInt(title, 10))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  it.each(targets)('reads only what is exported or recorded: $panel: $expr', ({ expr }) => {
    expect(mistakesOf(expr, recorded)).toEqual([]);
  });

  it('marks deployments by what is exported', () => {
    expect(annotations.list.length).toBeGreaterThan(0);
    for (const { expr } of annotations.list) expect(mistakesOf(expr, recorded)).toEqual([]);
  });

  it('asks the provisioned datasource alone', () => {
    const { datasources } = readYaml<{ datasources: { uid: string; url: string; isDefault: boolean }[] }>(
      'docker/grafana/provisioning/datasources/prometheus.yaml',
    );
    expect(datasources).toMatchObject([{ uid: 'prometheus', url: 'http://prometheus:9090', isDefault: true }]);
    const uids = [
      ...panels.flatMap(({ datasource, targets: own }) => [datasource, ...(own ?? []).map((one) => one.datasource)]),
      ...annotations.list.map(({ datasource }) => datasource),
    ].flatMap((datasource) => (datasource ? [datasource.uid] : []));
    expect(new Set(uids)).toEqual(new Set(['prometheus']));
  });

  it('has ids of their own and panels that do not overlap', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(Math.max(...panels.map(({ gridPos }) => gridPos.x + gridPos.w))).toBe(24);
  });

  it('has a variable for every name that its queries mention', () => {
    const names = new Set(targets.flatMap(({ expr }) => [...expr.matchAll(/\$(\w+)/g)].map((match) => match[1]!)));
    names.delete('__rate_interval');
    expect([...names]).toEqual(templating.list.map(({ name }) => name));
  });
});

describe.skipIf(!hasTool('promtool'))('promtool', () => {
  it('can parse every query of the dashboard', () => {
    const expressions = [...targets, ...annotations.list].map(({ expr }) =>
      expr.replaceAll('$__rate_interval', '1m').replaceAll('$model', '.*'),
    );
    const rules = expressions.map((expr, at) => ({ record: `query:${at}`, expr }));
    const folder = mkdtempSync(join(tmpdir(), 'dashboard-'));
    const file = join(folder, 'queries.yml');
    writeFileSync(file, stringify({ groups: [{ name: 'dashboard', rules }] }));
    const { status, output } = run('promtool', 'check', 'rules', file);
    rmSync(folder, { recursive: true });
    expect(status, output).toBe(0);
    expect(output).toContain(`${expressions.length} rules found`);
  });
});
