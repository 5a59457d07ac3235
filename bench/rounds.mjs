// Runs measurements in rounds, and decides what becomes of a leg that answers wrongly.
/** A gateway that was too busy is asked again after this, so often. */
const CALM_MS = 2_000;
const SHED_REPEATS = 3;
const OTHERS_REPEATS = 1;

/** A B C, then B C A, …: no leg always runs first. */
export const rotated = (list, by) => list.map((_, at) => list[(at + by) % list.length]);

/**
 * Runs `attempt` until it succeeds. What only was shed is repeated for every leg; a leg of somebody else
 * (`isForeign`) is given one more try at anything. `onRepeat` hears of each.
 * @throws what the last try threw
 */
export async function repeated(attempt, leg, { onRepeat, pause }) {
  for (let repeats = 0; ; repeats++) {
    try {
      return await attempt();
    } catch (error) {
      const allowed = error.onlyShed ? SHED_REPEATS : leg.isForeign ? OTHERS_REPEATS : 0;
      if (repeats >= allowed) throw error;
      onRepeat(error);
      if (error.onlyShed) await pause(CALM_MS);
    }
  }
}

/**
 * `measure(leg, workload)` for each leg, workload and round. A foreign leg that fails a workload twice in a row is left
 * out of it; any other failure ends the run.
 * @returns figures[workload][leg]: one measurement per round; failures[workload][leg]: why it is not in the figures;
 *   repeats: what was measured again, in words
 */
export async function runRounds({ rounds, workloads, legs, measure, progress, pause }) {
  const figures = {};
  const failures = {};
  const repeats = [];
  for (let round = 0; round < rounds; round++) {
    progress(`round ${round + 1} of ${rounds}`);
    for (const workload of workloads) {
      const row = (figures[workload] ??= Object.fromEntries(legs.map(({ name }) => [name, []])));
      const failed = (failures[workload] ??= {});
      for (const leg of rotated(legs, round).filter(({ name }) => row[name])) {
        const onRepeat = ({ message }) => {
          progress(`measured again: ${message}`);
          repeats.push(`round ${round + 1}, ${workload}: ${message.split('\n')[0]}`);
        };
        try {
          row[leg.name].push(await repeated(() => measure(leg, workload), leg, { onRepeat, pause }));
        } catch (error) {
          if (!leg.isForeign) throw error;
          progress(`left out of ${workload}: ${error.message}`);
          failed[leg.name] = error.message;
          delete row[leg.name];
        }
      }
    }
  }
  return { figures, failures, repeats };
}
