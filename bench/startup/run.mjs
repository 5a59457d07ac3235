// `npm run bench:startup`: the gateway's start and idle memory beside an empty Nest application on Fastify.
//   npm run bench:startup -- [--rounds 9] [--idle-ms 20000] [--json FILE]
// Each round starts both, one after the other and in turn first: the ratio of a round survives a busy machine.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeGatewayConfig } from '../gateway-leg.mjs';
import { freePort } from '../legs.mjs';
import { ask, cost, end, endAll, NODE_FLAGS, pause, residentBytes, SERVER_CORE, start } from '../processes.mjs';
import { machine, table } from '../report.mjs';
import { ratios, spread } from '../statistics.mjs';
import { MODELS } from '../workloads.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const entry = join(here, '..', '..', 'dist', 'main.js');
/** The same flags as in the other benches, and what the probe needs. */
const FLAGS = [...NODE_FLAGS, '--expose-gc', '--import', join(here, 'memory-probe.mjs')];
const TRIED_EVERY_MS = 2;
const START_TIMEOUT_MS = 60_000;
const REQUEST = 'GET /v1/ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n';
const MIB = 2 ** 20;

const { values } = parseArgs({
  options: { rounds: { type: 'string' }, 'idle-ms': { type: 'string' }, json: { type: 'string' } },
});
const rounds = Number(values.rounds ?? 9);
const STARTED_MS = 3_000;
/** V8 gives back what only the start needed about 16 s after it, where next to nothing was allocated meanwhile. */
const idleMs = Math.max(STARTED_MS, Number(values['idle-ms'] ?? 20_000));

/** What is measured, its heading and digits. */
const FIGURES = {
  firstAnswerMs: ['first answer after, ms', 0],
  cpuMs: ['processor time until then, ms', 0],
  startedRss: ['resident 3 s later, MiB', 1],
  rss: ['resident when idle, MiB', 1],
  collectedRss: ['resident after gc, MiB', 1],
  heapUsed: ['heap in use after gc, MiB', 1],
};

const legs = (folder) => ({
  empty: { file: join(here, 'empty.mjs'), env: async () => ({}) },
  gateway: {
    file: entry,
    env: async () => ({
      ...{ HOST: '127.0.0.1', OPS_HOST: '127.0.0.1', OPS_PORT: String(await freePort()), LOG_LEVEL: 'info' },
      ...{ CONFIG_PATH: join(folder, 'gateway.yaml'), REDIS_URL: '', OTEL_EXPORTER_OTLP_ENDPOINT: '', WORKERS: '1' },
    }),
  },
});

/** Resolves with whether /v1/ready answered 200. */
function answers(port) {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(REQUEST));
    socket.on('data', (bytes) => (text += bytes.toString('latin1')));
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(text.startsWith('HTTP/1.1 200')));
  });
}

/** @throws when the process ends, or does not answer in time */
async function untilAnswer(child, port) {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${child.name} ended at its start`);
    if (await answers(port)) return;
    await pause(TRIED_EVERY_MS);
  }
  throw new Error(`${child.name} did not answer within ${START_TIMEOUT_MS} ms`);
}

async function measure(name, { file, env }, folder) {
  const port = await freePort();
  const settings = { NODE_ENV: 'production', PORT: String(port), ...(await env()) };
  const from = performance.now();
  const child = start(name, [process.execPath, ...FLAGS, file], {
    core: SERVER_CORE,
    ipc: true,
    env: settings,
    stdout: join(folder, `${name}.out`),
    stderr: join(folder, `${name}.err`),
  });
  await untilAnswer(child, port);
  const firstAnswerMs = performance.now() - from;
  const cpuMs = cost(child.pid).cpuUs / 1_000;
  await pause(STARTED_MS);
  const startedRss = residentBytes(child.pid) / MIB;
  await pause(idleMs - STARTED_MS);
  const { rss, collectedRss, heapUsed } = await ask(child);
  await end(child);
  const held = { startedRss, rss: rss / MIB, collectedRss: collectedRss / MIB, heapUsed: heapUsed / MIB };
  return { firstAnswerMs, cpuMs, ...held };
}

function print(found) {
  const text = ({ min, median, max }, digits) =>
    `${median.toFixed(digits)} (${min.toFixed(digits)} to ${max.toFixed(digits)})`;
  const rows = Object.entries(FIGURES).map(([figure, [heading, digits]]) => {
    const [empty, gateway] = [found.empty, found.gateway].map((list) => list.map((round) => round[figure]));
    return [heading, text(spread(empty), digits), text(spread(gateway), digits), text(ratios(gateway, empty), 2)];
  });
  console.log(table(['median (least to most)', 'empty', 'gateway', 'ratio'], rows));
}

async function main(folder) {
  if (!existsSync(entry)) throw new Error('dist/main.js is absent: npm run build');
  writeGatewayConfig(join(folder, 'gateway.yaml'), { upstream: 'http://127.0.0.1:9', models: MODELS, quota: 'memory' });
  const before = machine();
  const found = { empty: [], gateway: [] };
  const order = Object.entries(legs(folder));
  // The first start of each reads files that nothing has read before.
  for (let round = -1; round < rounds; round++) {
    process.stderr.write(round < 0 ? 'warm-up\n' : `round ${round + 1} of ${rounds}\n`);
    for (const [name, leg] of round % 2 === 0 ? order : order.toReversed()) {
      const figures = await measure(name, leg, folder);
      if (round >= 0) found[name].push(figures);
    }
  }
  console.log(`${before.cpu}, ${before.cores} cores, Node ${before.node}, ${new Date().toISOString().slice(0, 10)}`);
  console.log(`${rounds} rounds, idle for ${idleMs} ms; load average at start ${before.load.toFixed(1)}\n`);
  print(found);
  if (values.json) writeFileSync(values.json, `${JSON.stringify({ machine: before, found }, null, 2)}\n`);
}

const folder = mkdtempSync(join(tmpdir(), 'startup-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
try {
  await main(folder);
} catch (error) {
  console.error(error.stack);
  process.exitCode = 1;
}
endAll();
process.exit();
