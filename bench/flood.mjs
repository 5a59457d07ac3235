// What a good caller feels while others send requests without a key: its times, and the gateway's memory.
//   node bench/flood.mjs [--seconds 60] [--rate 50]        rate: MB/s of bodies that nobody asked for
// The same caller without the flood, before and after, tells what is the machine's.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { KEYS, writeGatewayConfig } from './gateway-leg.mjs';
import { freePort } from './legs.mjs';
import { end, endAll, firstLine, NODE_FLAGS, pause, SERVER_CORE, start, untilReady, WORLD_CORE } from './processes.mjs';
import { table } from './report.mjs';
import { MODELS, WORKLOADS } from './workloads.mjs';

const bench = dirname(fileURLToPath(import.meta.url));
const WARM_UP_REQUESTS = 3_000;
/** Between two requests of the good caller. */
const EVERY_MS = 20;
const QUIET_MS = 20_000;
const SAMPLE_MS = 1_000;

const { values } = parseArgs({ options: { seconds: { type: 'string' }, rate: { type: 'string' } } });
const [seconds, rate] = [values.seconds ?? 60, values.rate ?? 50].map(Number);
const body = JSON.stringify(WORKLOADS.json.body());

async function ask(url) {
  const from = performance.now();
  const headers = { authorization: `Bearer ${KEYS.default}`, 'content-type': 'application/json' };
  const answer = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body });
  await answer.text();
  return { ms: performance.now() - from, status: answer.status };
}

/** Asks at a steady pace; a request that is late does not hold the next one back. */
async function observed(gateway, ms) {
  const asked = [];
  const resident = [];
  const until = performance.now() + ms;
  let sampled = 0;
  while (performance.now() < until) {
    asked.push(ask(gateway.url));
    if (performance.now() - sampled > SAMPLE_MS) {
      sampled = performance.now();
      resident.push(residentMib(gateway.child.pid));
    }
    await pause(EVERY_MS);
  }
  const answers = await Promise.all(asked);
  const times = answers.filter(({ status }) => status === 200).map(({ ms }) => ms);
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
  return { asked: answers.length, served: times.length, p50: at(0.5), p99: at(0.99), most: at(1), resident };
}

function residentMib(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
}

async function startGateway(folder, upstream) {
  const file = join(folder, 'gateway.yaml');
  writeGatewayConfig(file, { upstream, models: MODELS, quota: 'memory' });
  const [port, opsPort] = [await freePort(), await freePort()];
  const child = start('gateway', [process.execPath, ...NODE_FLAGS, join(bench, '..', 'dist', 'main.js')], {
    core: SERVER_CORE,
    stdout: join(folder, 'gateway.out'),
    stderr: join(folder, 'gateway.err'),
    env: {
      ...{ NODE_ENV: 'production', HOST: '127.0.0.1', PORT: String(port), OPS_PORT: String(opsPort) },
      ...{ CONFIG_PATH: file, REDIS_URL: '', OTEL_EXPORTER_OTLP_ENDPOINT: '' },
    },
  });
  const url = `http://127.0.0.1:${port}`;
  await untilReady(child, `${url}/v1/ready`);
  return { child, url, port };
}

const row = (name, { asked, served, p50, p99, most, resident }) => [
  name,
  String(asked),
  String(asked - served),
  ...[p50, p99, most].map((ms) => ms.toFixed(1)),
  `${Math.min(...resident).toFixed(0)} to ${Math.max(...resident).toFixed(0)}`,
];

async function main(folder) {
  const upstream = start('upstream', [process.execPath, join(bench, 'upstream.mjs')], { core: WORLD_CORE });
  const gateway = await startGateway(folder, (await firstLine(upstream)).url);
  for (let n = 0; n < WARM_UP_REQUESTS; n++) await ask(gateway.url);
  const before = await observed(gateway, QUIET_MS);
  const attack = [process.execPath, join(bench, 'flood-attacker.mjs'), String(gateway.port), String(rate)];
  const attacker = start('attacker', attack, { core: WORLD_CORE });
  let told;
  createInterface({ input: attacker.stdout }).on('line', (line) => (told = JSON.parse(line)));
  const meanwhile = await observed(gateway, seconds * 1_000);
  await end(attacker);
  const after = await observed(gateway, QUIET_MS);
  const head = ['', 'asked', 'not served', 'p50 ms', 'p99 ms', 'longest ms', 'resident MiB'];
  const rows = [row('before', before), row('flood', meanwhile), row('after', after)];
  console.log(table(head, rows));
  console.log(
    `the flood: ${(told.bytes / 1e6 / seconds).toFixed(0)} MB/s, ${told.connections} connections, ` +
      `answered ${JSON.stringify(told.statuses)}`,
  );
}

const folder = mkdtempSync(join(tmpdir(), 'gateway-flood-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
try {
  await main(folder);
} catch (error) {
  console.error(error.stack);
  process.exitCode = 1;
}
endAll();
process.exit();
