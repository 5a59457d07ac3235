// What several processes cost, and what each of them holds: the figures of docs/SCALING.md.
//   node bench/scaling.mjs [--rounds 5] [--requests 4000]
// One process and two, with the embedded store and with Redis where it is installed, measured in turn. Processor time is
// of all processes of a gateway; what a round reaches per second says how busy the machine was, since the upstream and
// the callers share its cores.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Redis from 'ioredis';
import { gatewayConfig, KEYS } from './gateway-leg.mjs';
import { freePort } from './legs.mjs';
import {
  ask,
  cost,
  end,
  endAll,
  firstLine,
  isInstalled,
  NODE_FLAGS,
  pause,
  residentBytes,
  start,
  untilReady,
} from './processes.mjs';
import { machine, table } from './report.mjs';
import { spread } from './statistics.mjs';
import { MODELS, WORKLOADS } from './workloads.mjs';

const bench = dirname(fileURLToPath(import.meta.url));
const ANY_CORE = '0,1';
const WARM_UP_REQUESTS = 12_000;
/** Requests that the key of the exact limit may make; as many again are sent. */
const GRANTED = 300;
const EXACT_KEY = 'bench-exact-key-0123456789';
/** A process counts itself in Redis with its heartbeat, every 5 s. */
const COUNTED_WITHIN_MS = 7_000;

const { values } = parseArgs({ options: { rounds: { type: 'string' }, requests: { type: 'string' } } });
const [rounds, requests] = [Number(values.rounds ?? 5), Number(values.requests ?? 4_000)];

/** The bench's own file, in an organisation of its own: legs that share Redis share no account. */
function configOf(name, upstream) {
  const config = gatewayConfig({ upstream, models: MODELS, quota: 'on' });
  const org = name.replaceAll(' ', '-');
  const limits = { requestsPerMinute: 1, requestBurst: GRANTED };
  const keys = config.auth.keys.map((key) => ({ ...key, org }));
  return { ...config, auth: { ...config.auth, keys: [...keys, { id: 'exact', org, secret: EXACT_KEY, limits }] } };
}

async function startLeg(folder, { name, workers, redisUrl }, upstream) {
  const file = join(folder, `${name}.yaml`);
  writeFileSync(file, JSON.stringify(configOf(name, upstream)));
  const [port, opsPort] = [await freePort(), await freePort()];
  const entry = join(bench, '..', 'dist', 'main.js');
  const child = start(name, [process.execPath, ...NODE_FLAGS, entry], {
    core: ANY_CORE,
    stdout: join(folder, `${name}.out`),
    stderr: join(folder, `${name}.err`),
    env: {
      ...{ NODE_ENV: 'production', HOST: '127.0.0.1', PORT: String(port), OPS_PORT: String(opsPort) },
      ...{ CONFIG_PATH: file, REDIS_URL: redisUrl, WORKERS: String(workers), OTEL_EXPORTER_OTLP_ENDPOINT: '' },
    },
  });
  await untilReady(child, `http://127.0.0.1:${opsPort}/v1/ready`);
  return { name, workers, child, url: `http://127.0.0.1:${port}`, metrics: `http://127.0.0.1:${opsPort}/metrics` };
}

/** The process that was started, and its workers. */
function processesOf({ child: { pid } }) {
  const workers = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
  return [
    pid,
    ...workers
      .split(' ')
      .filter((text) => text !== '')
      .map(Number),
  ];
}

const cpuUs = (pids) => pids.reduce((sum, pid) => sum + cost(pid).cpuUs, 0);

async function send(load, leg, count, more = {}) {
  const { body, connections } = WORKLOADS.json;
  return ask(load, 'run', { url: leg.url, key: KEYS.default, body: body(), requests: count, connections, ...more });
}

async function measure(load, leg) {
  const pids = processesOf(leg);
  const before = [cpuUs(pids), cpuUs(pids.slice(0, 1))];
  const { wallMs, failed, faults } = await send(load, leg, requests);
  if (failed > 0) throw new Error(`${leg.name}: ${faults.join('\n')}`);
  const after = [cpuUs(pids), cpuUs(pids.slice(0, 1))];
  return {
    all: (after[0] - before[0]) / requests,
    first: (after[1] - before[1]) / requests,
    perSecond: (requests / wallMs) * 1_000,
  };
}

async function startRedis(folder) {
  const port = await freePort();
  const command = ['redis-server', '--port', String(port), '--save', '', '--appendonly', 'no', '--dir', folder];
  const child = start('redis', command, { core: ANY_CORE, stdout: join(folder, 'redis.out') });
  const client = new Redis(port, '127.0.0.1');
  // It may try before Redis listens, and tries again.
  client.on('error', () => undefined);
  await client.ping();
  return { child, client, url: `redis://127.0.0.1:${port}` };
}

async function connectionsTo(redis) {
  return (await redis.client.client('LIST')).trim().split('\n').length;
}

/** Calls of scripts since Redis began: what acquires and settles. */
async function scriptsRun(redis) {
  const stats = await redis.client.info('commandstats');
  return [...stats.matchAll(/^cmdstat_(?:eval|evalsha|fcall):calls=(\d+)/gm)].reduce(
    (sum, [, n]) => sum + Number(n),
    0,
  );
}

async function seriesOf({ metrics }) {
  const lines = (await (await fetch(metrics)).text()).split('\n');
  return lines.filter((line) => line !== '' && !line.startsWith('#')).length;
}

const range = ({ min, median, max }, digits = 0) =>
  `${median.toFixed(digits)} (${min.toFixed(digits)} to ${max.toFixed(digits)})`;

async function main(folder) {
  const upstreamProcess = start('upstream', [process.execPath, join(bench, 'upstream.mjs')], { core: ANY_CORE });
  const { url: upstream } = await firstLine(upstreamProcess);
  const load = start('load', [process.execPath, join(bench, 'load.mjs')], { core: ANY_CORE, ipc: true });
  const redis = isInstalled('redis-server') ? await startRedis(folder) : undefined;
  const wanted = [1, 2].flatMap((workers) => [
    { name: `${workers} embedded`, workers, redisUrl: '' },
    ...(redis ? [{ name: `${workers} redis`, workers, redisUrl: redis.url }] : []),
  ]);
  const legs = [];
  for (const setting of wanted) {
    const before = redis && (await connectionsTo(redis));
    const leg = await startLeg(folder, setting, upstream);
    await send(load, leg, WARM_UP_REQUESTS);
    leg.connections = setting.redisUrl === '' ? 0 : (await connectionsTo(redis)) - before;
    legs.push({ ...leg, redis: setting.redisUrl === '' ? undefined : redis, rounds: [], scripts: 0 });
  }
  await pause(COUNTED_WITHIN_MS);
  for (let round = 0; round < rounds; round++) {
    const order = legs.map((_, at) => legs[(at + round) % legs.length]);
    for (const leg of order) {
      const before = leg.redis ? await scriptsRun(leg.redis) : 0;
      leg.rounds.push(await measure(load, leg));
      leg.scripts += leg.redis ? (await scriptsRun(leg.redis)) - before : 0;
    }
  }
  const rows = [];
  for (const leg of legs) {
    const { ok } = await send(load, leg, GRANTED * 2, { key: EXACT_KEY });
    const column = (value) => spread(leg.rounds.map(value));
    rows.push([
      leg.name,
      range(column(({ all }) => all)),
      leg.workers === 1 ? '' : range(column(({ first }) => first)),
      range(column(({ perSecond }) => perSecond)),
      `${ok} of ${GRANTED}`,
      String(leg.connections),
      leg.redis ? (leg.scripts / (rounds * requests)).toFixed(2) : '',
      String(await seriesOf(leg)),
      processesOf(leg)
        .map((pid) => (residentBytes(pid) / 2 ** 20).toFixed(0))
        .join(' + '),
    ]);
  }
  const { cpu, cores, node, load: average } = machine();
  console.log(
    `${cpu}, ${cores} cores, Node ${node}, load ${average.toFixed(1)}; ${rounds} rounds of ${requests} requests`,
  );
  const columns = ['workers, store', 'CPU µs per request', 'of it the primary', 'requests/s', 'granted'];
  console.log(table([...columns, 'to Redis', 'scripts per request', 'series', 'resident MiB'], rows));
  for (const { child } of legs) await end(child, 'SIGTERM');
  redis?.client.disconnect();
}

const folder = mkdtempSync(join(tmpdir(), 'scaling-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
try {
  await main(folder);
} catch (error) {
  console.error(error.stack);
  process.exitCode = 1;
}
endAll();
process.exit();
