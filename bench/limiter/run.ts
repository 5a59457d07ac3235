import {
  AIMD_ON_OVERLOAD,
  AIMD_ON_TOTAL,
  FIXED_200,
  FIXED_32,
  GRADIENT2_ON_TOTAL,
  GRADIENT2_ON_TTFT,
  UNLIMITED,
} from './contenders.js';
import { simulateHosted } from './hosted-simulation.js';
import { play, scenarios } from './scenarios.js';

// Prints the comparison of limiters:
//   npx tsc -p bench/limiter/tsconfig.json && node .cache/bench/bench/limiter/run.js
const SEEDS = [1, 2, 3];
const SECONDS = 300;

const columns = scenarios(SECONDS);
console.log('An engine that we own. Cells: rejected % / goodput per s (TTFT <= 2 s) / p99 TTFT s\n');
console.log(`| limiter | ${columns.map(({ title }) => title).join(' | ')} |`);
console.log(`|---|${columns.map(() => '---').join('|')}|`);
for (const contender of [UNLIMITED, FIXED_200, FIXED_32, AIMD_ON_TOTAL, GRADIENT2_ON_TOTAL, GRADIENT2_ON_TTFT]) {
  const cells = columns.map((scenario) => {
    const { rejected, goodputPerSecond, p99TtftMs } = play(contender, scenario, SEEDS);
    return `${(100 * rejected).toFixed(1)} / ${goodputPerSecond.toFixed(2)} / ${(p99TtftMs / 1_000).toFixed(1)}`;
  });
  console.log(`| ${contender.name} | ${cells.join(' | ')} |`);
}

console.log('\nA hosted upstream with a quota. Cells: rejected % / upstream 429 % / goodput per s\n');
console.log('| limiter | 2.2x of the quota |\n|---|---|');
for (const contender of [UNLIMITED, GRADIENT2_ON_TTFT, AIMD_ON_OVERLOAD]) {
  const { rejected, throttled, goodputPerSecond } = simulateHosted(contender, SECONDS, 1);
  const cell = `${(100 * rejected).toFixed(1)} / ${(100 * throttled).toFixed(1)} / ${goodputPerSecond.toFixed(2)}`;
  console.log(`| ${contender.name} | ${cell} |`);
}
