// npm run soak -- --minutes N: a gateway under streams, aborts, failovers and reloads; fails where it grows.
import { parseArgs } from 'node:util';
import { caller, operator } from './callers.mjs';
import { startRig } from './rig.mjs';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '30' } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error('--minutes must be a positive number');

const MIB = 1024 * 1024;
const CALLERS = 12;
const LOAD_MS = 20_000;
/** Longer than idle connections to upstreams are kept: what is left afterwards is held. */
const QUIET_MS = 6_000;
const RELOAD_MS = 2_000;
const FAULT_MS = 3_000;
const HEAP_PER_10_MIN = MIB;
/** Fewer samples say nothing of a slope. */
const LEAST_SAMPLES = 12;
const RESOURCE_SLACK = 3;
const FAULTS = [['status-503'], ['cut-4'], [], ['silent'], ['reset'], [], ['html'], ['status-429', 'retry-after-1']];

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const rig = await startRig();
process.on('exit', () => rig.stop());
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));
rig.gateway.once('exit', (code, signal) => {
  console.log(`the gateway ended: ${signal ?? code}`);
  process.exit(1);
});

const tally = { calls: 0, unexpected: new Map() };
const samples = [];
const began = performance.now();
let turn = 0;

async function underLoad() {
  let over = false;
  const until = performance.now() + LOAD_MS;
  const gate = () => performance.now() < until;
  const repeat = async (ms, act) => {
    while (!over) {
      await act();
      await pause(ms);
    }
  };
  const others = [
    repeat(RELOAD_MS, () => rig.reload(++turn)),
    repeat(FAULT_MS, () => rig.fault(turn % 2, FAULTS[turn % FAULTS.length])),
    repeat(5_000, () => operator(rig.ops)),
  ];
  await Promise.all(Array.from({ length: CALLERS }, (_, number) => caller(rig.api, number, gate, tally)));
  over = true;
  await Promise.all(others);
  await rig.fault(-1, []);
}

/** Least squares: how much a series grows in ten minutes. */
function slope(series, of) {
  const xs = series.map(({ minute }) => minute / 10);
  const ys = series.map(of);
  const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const [mx, my] = [mean(xs), mean(ys)];
  const above = xs.reduce((sum, x, at) => sum + (x - mx) * (ys[at] - my), 0);
  return above / xs.reduce((sum, x) => sum + (x - mx) ** 2, 0);
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const mib = (bytes) => (bytes / MIB).toFixed(2);

while (performance.now() - began < minutes * 60_000) {
  await underLoad();
  await pause(QUIET_MS);
  const sample = { minute: (performance.now() - began) / 60_000, ...(await rig.sample()) };
  samples.push(sample);
  console.log(
    `${sample.minute.toFixed(1)} min  heap ${mib(sample.heapUsed)} MiB  rss ${mib(sample.rss)} MiB  ` +
      `external ${mib(sample.external)} MiB  ${JSON.stringify(sample.resources)}  ${tally.calls} calls`,
  );
}

// The first third warms up: code is compiled, histories and windows fill.
const steady = samples.slice(Math.floor(samples.length / 3));
const problems = [];
const [heap, rss] = [slope(steady, ({ heapUsed }) => heapUsed), slope(steady, ({ rss: bytes }) => bytes)];
console.log(`after warm-up, per 10 minutes: heap ${mib(heap)} MiB, rss ${mib(rss)} MiB (${steady.length} samples)`);
const third = Math.ceil(steady.length / 3);
for (const kind of new Set(steady.flatMap(({ resources }) => Object.keys(resources)))) {
  const count = (part) => median(part.map(({ resources }) => resources[kind] ?? 0));
  const [first, last] = [count(steady.slice(0, third)), count(steady.slice(-third))];
  console.log(`${kind}: ${first} at first, ${last} at last`);
  if (last > first + RESOURCE_SLACK) problems.push(`${kind} grew from ${first} to ${last}`);
}
if (steady.length < LEAST_SAMPLES)
  console.log(`fewer than ${LEAST_SAMPLES} samples: the slope of the heap is not judged`);
else if (heap > HEAP_PER_10_MIN) problems.push(`the heap grows by ${mib(heap)} MiB per 10 minutes`);
const unexpected = [...tally.unexpected].map(([what, count]) => `${count} x ${what}`).join(', ');
console.log(`${tally.calls} calls, ${turn} reloads; not answered as wished: ${unexpected || 'none'}`);
for (const problem of problems) console.log(`FAILED: ${problem}`);
process.exit(problems.length > 0 ? 1 : 0);
