import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Call } from './caller.js';
import { svgOf } from './chart.js';
import { chartsOf } from './charts.js';
import { type Evidence, type Verdict } from './judge.js';
import { percentileOf } from './percentile.js';
import { type Scenario } from './scenario.js';
import { type TimelineEntry } from './timeline.js';

/** Everything that a report tells. */
export interface GamedayResult {
  readonly name: string;
  readonly scenario: Scenario;
  /** Wall clock of the start, ms since the epoch. */
  readonly startedAt: number;
  readonly evidence: Evidence;
  readonly timeline: readonly TimelineEntry[];
  readonly verdicts: readonly Verdict[];
}

const NANO_PER_USD = 1e9;

/** Writes `report.md`, its charts and `result.json` into a folder. */
export function writeReport(folder: string, result: GamedayResult): void {
  mkdirSync(folder, { recursive: true });
  const { calls, samples, durationMs } = result.evidence;
  const marks = result.timeline.filter(({ who }) => who === 'script').map(({ atMs, what }) => ({ atMs, label: what }));
  const charts = chartsOf(calls, samples, durationMs, marks);
  for (const [file, chart] of charts) writeFileSync(join(folder, file), svgOf(chart));
  writeFileSync(join(folder, 'report.md'), reportOf(result, [...charts.keys()]));
  const { name, startedAt, timeline, verdicts } = result;
  writeFileSync(
    join(folder, 'result.json'),
    `${JSON.stringify({ name, startedAt, verdicts, timeline, calls, samples })}\n`,
  );
}

function reportOf(
  { name, scenario, startedAt, evidence, timeline, verdicts }: GamedayResult,
  charts: readonly string[],
): string {
  const missed = verdicts.filter(({ kept }) => !kept).length;
  return [
    `# Game day ${name}: ${scenario.title}`,
    '',
    scenario.summary,
    '',
    `Played ${new Date(startedAt).toISOString()}, ${evidence.durationMs / 1_000} s. ` +
      (missed === 0 ? '**All objectives were kept.**' : `**${missed} of ${verdicts.length} objectives were missed.**`),
    '',
    '## Objectives',
    '',
    ...table(
      ['objective', 'found', 'kept'],
      verdicts.map(({ objective, found, kept }) => [objective, found, kept ? 'yes' : '**no**']),
    ),
    '',
    '## What callers saw',
    '',
    ...table(['outcome', 'requests', 'streams', 'codes', 'duration p50', 'p99'], outcomes(evidence.calls)),
    '',
    '## Budgets',
    '',
    ...table(['budget', 'spent'], budgets(evidence)),
    '',
    '## Timeline',
    '',
    ...table(
      ['s', 'who', 'what'],
      timeline.map(({ atMs, who, what }) => [(atMs / 1_000).toFixed(1), who, what]),
    ),
    '',
    '## Graphs',
    '',
    'Dashed lines are the steps of the script, numbered in their order.',
    '',
    ...charts.map((file) => `![${file.replace('.svg', '')}](${file})`),
    '',
  ].join('\n');
}

function outcomes(calls: readonly Call[]): string[][] {
  const names = [...new Set(calls.map(({ outcome }) => outcome))].sort();
  return names.map((outcome) => {
    const those = calls.filter((call) => call.outcome === outcome);
    const durations = those.map(({ startMs, endMs }) => endMs - startMs);
    const codes = [...new Set(those.flatMap(({ code }) => (code === undefined ? [] : [code])))].join(', ');
    const streams = those.filter(({ stream }) => stream).length;
    return [
      outcome,
      those.length,
      streams,
      codes,
      ms(percentileOf(durations, 50)),
      ms(percentileOf(durations, 99)),
    ].map(String);
  });
}

/** The error budget of each objective over the game day, and money. */
function budgets({ metrics }: Evidence): string[][] {
  const rows: string[][] = [];
  for (const [key, left] of metrics) {
    const slo = /^gateway_slo_error_budget_remaining\{.*slo="(\w+)"/.exec(key)?.[1];
    if (slo !== undefined) rows.push([`errors, objective \`${slo}\``, `${((1 - left) * 100).toFixed(0)} %`]);
  }
  const cost = [...metrics].filter(([key]) => key.startsWith('gateway_cost_nanodollars_total'));
  rows.push(['money', `${(cost.reduce((total, [, value]) => total + value, 0) / NANO_PER_USD).toFixed(6)} USD`]);
  const retries = [...metrics].filter(([key]) => key.startsWith('gateway_retries_total'));
  rows.push(['retries', String(retries.reduce((total, [, value]) => total + value, 0))]);
  return rows;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

function ms(value: number | undefined): string {
  return value === undefined ? '' : `${Math.round(value)} ms`;
}
