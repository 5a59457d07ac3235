// The longest stall of a relay's event loop while large prompts pass, one caller at a time: what all others wait for.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startLeg } from './legs.mjs';
import { send, warmUp } from './measure.mjs';
import { ask, firstLine, pause, SERVER_CORE, start } from './processes.mjs';
import { table } from './report.mjs';
import { repeated } from './rounds.mjs';
import { spread } from './statistics.mjs';

const bench = dirname(fileURLToPath(import.meta.url));
const probe = join(bench, 'loop-probe.mjs');
/** Prompts per round. */
const REQUESTS = { '1mb': 40, '10mb': 8 };
const LEGS_PROBED = ['bare', 'gateway'];
/** Rests before each round, so that the heap's work for the round before is done. */
const REST_MS = 500;

/** Runs `work` and tells the longest stall meanwhile, ms. */
async function stall(leg, work) {
  await ask(leg.child);
  await work();
  return ask(leg.child);
}

/** For how long the machine held up a process on the leg's core that only read the clock, ms; the leg is at rest. */
function heldUp(forMs) {
  const reader = [process.execPath, join(bench, 'clock-reader.mjs'), String(forMs)];
  return firstLine(start('clock reader', reader, { core: SERVER_CORE }));
}

async function observe(load, leg, rounds, onRepeat) {
  const sizes = Object.keys(REQUESTS);
  const stalls = Object.fromEntries(sizes.map((size) => [size, { busy: [], idle: [], machine: [] }]));
  const insist = (work) => repeated(work, leg, { onRepeat, pause });
  for (const name of ['json', ...sizes]) await insist(() => warmUp(load, leg, name));
  for (let round = 0; round < rounds; round++) {
    for (const size of sizes) {
      await pause(REST_MS);
      const from = performance.now();
      stalls[size].busy.push(await insist(() => stall(leg, () => send(load, leg, size, REQUESTS[size], 1))));
      const tookMs = performance.now() - from;
      stalls[size].idle.push(await stall(leg, () => pause(tookMs)));
      stalls[size].machine.push(await heldUp(tookMs));
    }
  }
  return stalls;
}

/** @returns stalls[leg][size]: of each round the longest stall, `busy` and `idle`, and what held up the `machine`, ms */
export async function runStalls({ rounds }, names, setting, load, progress) {
  const stalls = {};
  const probed = { ...setting, nodeFlags: [...setting.nodeFlags, '--import', probe], ipc: true };
  for (const name of names.filter((leg) => LEGS_PROBED.includes(leg))) {
    progress(`stalls of the event loop: ${name}`);
    const leg = await startLeg(name, probed);
    stalls[name] = await observe(load, leg, rounds, ({ message }) => progress(`once more: ${message}`));
    await leg.stop();
  }
  return stalls;
}

const text = ({ min, median, max }) => `${median.toFixed(1)} (${min.toFixed(1)} to ${max.toFixed(1)})`;

export function printStalls(stalls) {
  console.log('\nLongest stall of the event loop in a round while large prompts pass, one caller at a time, ms');
  const rows = Object.entries(stalls).flatMap(([leg, sizes]) =>
    Object.entries(sizes).map(([size, rounds]) => [
      leg,
      size,
      ...[rounds.busy, rounds.idle, rounds.machine].map((list) => text(spread(list))),
    ]),
  );
  console.log(table(['leg', 'prompt', 'with prompts', 'without', 'a clock reader'], rows));
}
