// From rounds to figures, from figures to tables.
import { cpus, loadavg, release } from 'node:os';
import { LEGS } from './legs.mjs';
import { isPinned } from './processes.mjs';
import { ratios, spread } from './statistics.mjs';
import { WORKLOADS } from './workloads.mjs';

export function machine() {
  const { model } = cpus()[0];
  return {
    cpu: model.trim(),
    cores: cpus().length,
    kernel: release(),
    node: process.version,
    pinned: isPinned,
    load: loadavg()[0],
  };
}

/** `rounds[workload][leg]` holds one measurement per round; bare and direct are always among the legs. */
export function summarise(rounds) {
  const results = [];
  for (const [workload, legs] of Object.entries(rounds)) {
    const column = (leg, value) => legs[leg].map(value);
    for (const leg of Object.keys(legs)) {
      if (leg === 'direct') continue;
      const directTtft = column('direct', (round) => round.ttft.p50);
      results.push({
        workload,
        leg,
        unit: WORKLOADS[workload].unit,
        cpuUs: spread(column(leg, (round) => round.cpuUs)),
        ratio: ratios(
          column(leg, (round) => round.cpuUs),
          column('bare', (round) => round.cpuUs),
        ),
        addedTtftMs: spread(column(leg, (round) => round.ttft.p50).map((ms, at) => ms - directTtft[at])),
        ttftP99Ms: spread(column(leg, (round) => round.ttft.p99)),
        perSecond: spread(column(leg, (round) => round.perSecond)),
        busy: spread(column(leg, (round) => round.busy)),
      });
    }
  }
  return results;
}

export function summariseMemory(memory) {
  return Object.entries(memory).map(([leg, bytes]) => ({
    leg,
    kibPerStream: spread(bytes.map((value) => value / 1024)),
    ratio: ratios(bytes, memory.bare),
  }));
}

const fixed = (value, digits) => value.toFixed(digits);
const ratioText = ({ min, median, max }) => `${fixed(median, 2)} (${fixed(min, 2)} to ${fixed(max, 2)})`;

export function table(headings, rows) {
  const all = [headings, ...rows];
  const widths = headings.map((_, at) => Math.max(...all.map((row) => row[at].length)));
  const line = (row) =>
    '  ' + row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))).join('  ');
  return all.map(line).join('\n');
}

/** `failures[workload][leg]`: why a leg is not among the results. */
export function print(results, memory, failures) {
  for (const workload of new Set(results.map((result) => result.workload))) {
    const rows = results.filter((result) => result.workload === workload);
    const { title, unit } = WORKLOADS[workload];
    console.log(`\n${title}`);
    console.log(
      table(
        ['leg', `CPU µs per ${unit}`, 'ratio to bare', 'added TTFT ms', 'TTFT p99 ms', 'requests/s', 'busy'],
        rows.map((row) => [
          row.leg,
          fixed(row.cpuUs.median, 1),
          ratioText(row.ratio),
          fixed(row.addedTtftMs.median, 3),
          fixed(row.ttftP99Ms.median, 2),
          fixed(row.perSecond.median, 0),
          `${fixed(row.busy.median * 100, 0)} %`,
        ]),
      ),
    );
    for (const [leg, why] of Object.entries(failures[workload] ?? {})) console.log(`  ${leg}  FAILED: ${why}`);
  }
  if (memory.length > 0) {
    console.log('\nMemory of open streams');
    const rows = memory.map((row) => [
      row.leg,
      fixed(row.kibPerStream.median, 1),
      fixed((row.kibPerStream.median * 1000) / 1024, 1),
      ratioText(row.ratio),
    ]);
    console.log(table(['leg', 'KiB per stream', 'MiB per 1,000', 'ratio to bare'], rows));
  }
}

export function printLegs(names) {
  console.log(names.map((name) => `  ${name.padEnd(9)} ${LEGS[name].about}`).join('\n'));
}

export function printLayers({ sent, counted, logged, ofKnownKeys, charged, off }) {
  console.log(
    `\nLayers of the gateway: of ${sent} requests ${counted} counted, ${logged} logged, ${ofKnownKeys} of known keys, ${charged} charged`,
  );
  if (off.length > 0) console.log(`NOT EVERYTHING WAS ON, these figures flatter the gateway: ${off.join(', ')}`);
}

/** A slower gateway than this, against what was recorded, is a regression. */
const ALLOWED_GROWTH = 1.4;

/** @returns one line per workload in which the gateway's ratio grew more than is allowed */
export function regressions(results, baseline) {
  return results.flatMap(({ workload, leg, ratio }) => {
    const before = baseline.results.find((result) => result.workload === workload && result.leg === leg);
    if (leg !== 'gateway' || !before || ratio.median <= before.ratio.median * ALLOWED_GROWTH) return [];
    return [`${workload}: ratio to bare ${fixed(ratio.median, 2)}, recorded ${fixed(before.ratio.median, 2)}`];
  });
}
