// What a scrape costs while streams run: its time, the longest stall of the event loop, processor time.
//   node bench/scrape.mjs [--streams 200] [--models 10] [--scrapes 50]
// Each model has five targets, and one metric child of each kind that a request makes. The same time without scrapes,
// before and after, tells what of a stall is the machine's.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { freePort } from './legs.mjs';
import {
  ask,
  cost,
  end,
  endAll,
  firstLine,
  NODE_FLAGS,
  pause,
  SERVER_CORE,
  start,
  untilReady,
  WORLD_CORE,
} from './processes.mjs';
import { table } from './report.mjs';
import { spread } from './statistics.mjs';

const bench = dirname(fileURLToPath(import.meta.url));
const TARGETS = 5;
const KEYS = 20;
const WARM_UP_REQUESTS = 2_000;
/** Between two scrapes: far more often than Prometheus, so that the run is short. */
const PAUSE_MS = 200;
/** Of the first scrapes, while the code is cold. */
const COLD_SCRAPES = 10;
const HELD_MODEL = 'bench-100000x50';

const number = { type: 'string' };
const { values } = parseArgs({ options: { streams: number, models: number, scrapes: number } });
const [streams, models, scrapes] = [values.streams ?? 200, values.models ?? 10, values.scrapes ?? 50].map(Number);

const key = (n) => `scrape-bench-key-${String(n).padStart(4, '0')}`;
const targetsOf = (model) => Array.from({ length: TARGETS }, (_, n) => ({ provider: `provider-${n}`, model }));
const names = Array.from({ length: models }, (_, n) => `model-${n}`);

function gatewayConfig(upstream) {
  const price = { inputPerMillion: '0.15', outputPerMillion: '0.60' };
  return {
    version: 1,
    auth: {
      keys: Array.from({ length: KEYS }, (_, n) => ({
        id: `key-${n}`,
        secret: key(n),
        limits: { requestsPerMinute: 60_000_000, requestBurst: 10_000_000 },
        budgets: [{ scope: 'key', window: '1d', usd: '1000000' }],
      })),
    },
    providers: Array.from({ length: TARGETS }, (_, n) => ({
      name: `provider-${n}`,
      kind: 'openai',
      baseUrl: `${upstream}/v1`,
      allowPrivate: true,
    })),
    models: [
      // Targets of their own, so that each has its series.
      ...names.map((name, n) => ({ name, targets: targetsOf(`bench${'-'.repeat(n + 1)}2x1`), price })),
      { name: 'held', targets: targetsOf(HELD_MODEL), price },
    ],
    // A busy machine must not end the run.
    resilience: { shedding: { enabled: false } },
  };
}

async function startGateway(folder, upstream) {
  const file = join(folder, 'gateway.yaml');
  writeFileSync(file, JSON.stringify(gatewayConfig(upstream)));
  const [port, opsPort] = [await freePort(), await freePort()];
  const entry = join(bench, '..', 'dist', 'main.js');
  const probe = join(bench, 'loop-probe.mjs');
  const child = start('gateway', [process.execPath, ...NODE_FLAGS, '--import', probe, entry], {
    core: SERVER_CORE,
    ipc: true,
    stdout: join(folder, 'gateway.out'),
    stderr: join(folder, 'gateway.err'),
    env: {
      ...{ NODE_ENV: 'production', HOST: '127.0.0.1', PORT: String(port), OPS_PORT: String(opsPort) },
      ...{ CONFIG_PATH: file, REDIS_URL: '', OTEL_EXPORTER_OTLP_ENDPOINT: '' },
    },
  });
  await untilReady(child, `http://127.0.0.1:${port}/v1/ready`);
  return { child, url: `http://127.0.0.1:${port}`, metrics: `http://127.0.0.1:${opsPort}/metrics` };
}

/** Runs `work` and tells the longest stall and the processor time meanwhile. */
async function observed({ child }, work) {
  await ask(child);
  const before = cost(child.pid).cpuUs;
  await work();
  return { stallMs: await ask(child), cpuMs: (cost(child.pid).cpuUs - before) / 1_000 };
}

async function scrape(url, accept) {
  const from = performance.now();
  const text = await (await fetch(url, { headers: { accept } })).text();
  return { ms: performance.now() - from, text };
}

async function main(folder) {
  const upstreamProcess = start('upstream', [process.execPath, join(bench, 'upstream.mjs')], { core: WORLD_CORE });
  const { url: upstream } = await firstLine(upstreamProcess);
  const load = start('load', [process.execPath, join(bench, 'load.mjs')], { core: WORLD_CORE, ipc: true });
  const gateway = await startGateway(folder, upstream);
  const messages = [{ role: 'user', content: 'Hi' }];
  const job = (model, n) => ({
    url: gateway.url,
    key: key(n % KEYS),
    body: { model, messages, stream: true, stream_options: { include_usage: true } },
  });
  const requests = Math.ceil(WARM_UP_REQUESTS / models);
  for (const [n, name] of names.entries()) {
    const { failed, faults } = await ask(load, 'run', { ...job(name, n), requests, connections: 16, events: 2 });
    if (failed > 0) throw new Error(`warm-up: ${faults.join('\n')}`);
  }
  await ask(load, 'hold', { ...job('held', 0), connections: streams });

  const rows = [];
  let series = 0;
  const idle = () => observed(gateway, () => pause(scrapes * PAUSE_MS));
  for (const accept of ['text/plain', 'application/openmetrics-text']) {
    for (let n = 0; n < COLD_SCRAPES; n++) await scrape(gateway.metrics, accept);
    const before = await idle();
    const times = [];
    const busy = await observed(gateway, async () => {
      for (let n = 0; n < scrapes; n++) {
        const { ms, text } = await scrape(gateway.metrics, accept);
        times.push(ms);
        series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
        await pause(Math.max(0, PAUSE_MS - ms));
      }
    });
    const after = await idle();
    const { min, median, max } = spread(times);
    const without = (before.cpuMs + after.cpuMs) / 2;
    rows.push([
      accept,
      [min, median, max].map((ms) => ms.toFixed(1)).join(' / '),
      ((busy.cpuMs - without) / scrapes).toFixed(2),
      busy.stallMs.toFixed(1),
      `${before.stallMs.toFixed(1)}, ${after.stallMs.toFixed(1)}`,
    ]);
  }
  console.log(`${series} series, ${streams} streams of 20 events a second each, ${scrapes} scrapes`);
  console.log(table(['format', 'ms min / median / max', 'CPU ms', 'longest stall ms', 'without scrapes'], rows));
  await end(gateway.child);
}

const folder = mkdtempSync(join(tmpdir(), 'scrape-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
try {
  await main(folder);
} catch (error) {
  console.error(error.stack);
  process.exitCode = 1;
}
endAll();
process.exit();
