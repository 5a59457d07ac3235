// What a leg costs over many processes: those of one build differ by a tenth for as long as they live, by how V8 compiled
// them, which no number of rounds with one process of each evens out.
import { assertLayersWereOn } from './gateway-leg.mjs';
import { LEGS, startLeg } from './legs.mjs';
import { measure, scaled, warmUp } from './measure.mjs';
import { pause } from './processes.mjs';
import { table } from './report.mjs';
import { repeated, rotated } from './rounds.mjs';
import { meanAndError } from './statistics.mjs';
import { WORKLOADS } from './workloads.mjs';

/** Measurements of a process; the least of them counts: what else is at work on a machine only adds. */
const SLICES = 4;

/** The cost of one fresh process in each workload, µs per unit. */
async function costs({ workloads, requests }, name, setting, load, onRepeat) {
  const leg = await startLeg(name, setting);
  const insist = (work) => repeated(work, leg, { onRepeat, pause });
  try {
    for (const workload of new Set(['json', ...workloads])) await insist(() => warmUp(load, leg, workload));
    const least = {};
    for (const workload of workloads) {
      const slices = [];
      while (slices.length < SLICES) {
        slices.push(await insist(() => measure(load, leg, workload, scaled(workload, requests / SLICES))));
      }
      least[workload] = Math.min(...slices.map(({ cpuUs }) => cpuUs));
    }
    if (name === 'gateway') await assertLayersWereOn(leg.opsUrl, leg.logFile, leg.sent);
    return least;
  } finally {
    await leg.stop();
  }
}

/**
 * `processes` of each leg in turn, one alive at a time.
 * @returns figures[workload][leg]: µs per unit, one for each process; a foreign leg that failed once is not among them
 */
export async function runFreshProcesses(options, names, setting, load, progress) {
  const figures = Object.fromEntries(
    options.workloads.map((workload) => [workload, Object.fromEntries(names.map((name) => [name, []]))]),
  );
  const failed = new Set();
  for (let round = 0; round < options.processes; round++) {
    progress(`process ${round + 1} of ${options.processes} of each leg`);
    for (const name of rotated(names, round).filter((leg) => !failed.has(leg))) {
      try {
        const found = await costs(options, name, setting, load, ({ message }) => progress(`once more: ${message}`));
        for (const workload of options.workloads) figures[workload][name].push(found[workload]);
      } catch (error) {
        if (!LEGS[name].isForeign) throw error;
        progress(`without ${name}: ${error.message}`);
        failed.add(name);
        for (const row of Object.values(figures)) delete row[name];
      }
    }
  }
  return figures;
}

export function printFreshProcesses(figures, processes) {
  for (const [workload, legs] of Object.entries(figures)) {
    const { title, unit } = WORKLOADS[workload];
    const { mean: bare } = meanAndError(legs.bare);
    console.log(`\n${title}, ${processes} fresh processes of each, mean and its standard error`);
    const rows = Object.entries(legs).map(([leg, costsUs]) => {
      const { mean, error } = meanAndError(costsUs);
      const text = (value) => `${(value / bare).toFixed(3)} ± ${(error / bare).toFixed(3)}`;
      return [leg, `${mean.toFixed(1)} ± ${error.toFixed(1)}`, text(mean), text(mean - bare)];
    });
    console.log(table(['leg', `CPU µs per ${unit}`, 'ratio to bare', 'beyond bare, r'], rows));
  }
}
