// What is compared. A leg relays POST /v1/chat/completions to the upstream; `start` starts it under test conditions.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KEYS, writeGatewayConfig } from './gateway-leg.mjs';
import { end, isInstalled, SERVER_CORE, start, untilReady } from './processes.mjs';
import { configureLitellm, LITELLM_ENV, litellmProgram } from './relays/litellm.mjs';
import { configureNginx } from './relays/nginx.mjs';
import { portkeyHeaders, portkeyScript } from './relays/portkey.mjs';

const bench = dirname(fileURLToPath(import.meta.url));
const checkout = join(bench, '..');
const entry = join(checkout, 'dist', 'main.js');

export function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** A Node relay of ours; every Node leg runs with the same flags. */
const nodeRelay = (file) => ({
  command: ({ nodeFlags }) => [process.execPath, ...nodeFlags, join(bench, 'relays', file)],
});

const goBinary = (folder) => join(folder, 'reverseproxy');

/**
 * The gateway with its own file; `bannedWords` of them are looked for in every answer, `traced` is the share of requests
 * whose spans go to a collector, `quota` overrides the run's.
 */
const gatewayLeg = (about, file, { bannedWords = 0, traced = 0, quota } = {}) => ({
  about,
  missing: () => existsSync(entry) || 'dist/main.js is absent: npm run build',
  command: ({ nodeFlags }) => [process.execPath, ...nodeFlags, entry],
  prepare: (setting) => {
    writeGatewayConfig(join(setting.folder, file), { ...setting, bannedWords, ...(quota && { quota }) });
  },
  env: async ({ folder, port, redisUrl, collector }) => ({
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    PORT: String(port),
    OPS_HOST: '127.0.0.1',
    OPS_PORT: String(await freePort()),
    LOG_LEVEL: 'info',
    // What the caller's shell sets for another gateway must not bend this one.
    ...{ DEBUG: '', REDIS_URL: redisUrl, PROVIDER_WEIGHTS: '' },
    ...{ OTEL_EXPORTER_OTLP_ENDPOINT: traced > 0 ? collector : '', OTEL_TRACES_SAMPLER_ARG: String(traced) },
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    CONFIG_PATH: join(folder, file),
  }),
  readyPath: '/v1/ready',
});

/** Built once for all of its legs. */
const goLeg = (about, env = {}) => ({
  isForeign: true,
  about,
  missing: () => isInstalled('go') || 'Go is not installed',
  prepare: ({ folder }) => {
    if (existsSync(goBinary(folder))) return;
    const built = spawnSync('go', ['build', '-o', goBinary(folder), '.'], {
      cwd: join(bench, 'relays', 'go'),
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, GOFLAGS: '-mod=mod', GOTOOLCHAIN: 'local' },
    });
    if (built.status !== 0) throw new Error('go build failed');
  },
  command: ({ folder }) => [goBinary(folder)],
  env: () => ({ GOMAXPROCS: '1', ...env }),
});

/**
 * `missing` says why a leg cannot run here; `prepare` runs once; `bare` is the unit. What is neither the unit nor the
 * gateway `isForeign`: it may fail without failing the run.
 */
export const LEGS = {
  bare: { about: 'node:http and undici dispatch, bytes through: the unit r', ...nodeRelay('bare.mjs') },
  gateway: gatewayLeg('this gateway, every layer on', 'gateway.yaml'),
  guarded: {
    ...gatewayLeg('the same, with 10,000 banned words', 'guarded.yaml', { bannedWords: 10_000 }),
    // It answers a question of its own: what it costs to look at every word.
    onRequest: true,
  },
  unlimited: {
    ...gatewayLeg('the same, its key without limits and budgets', 'unlimited.yaml', { quota: 'off' }),
    onRequest: true,
  },
  sampled: {
    ...gatewayLeg('the same, one request in ten traced', 'sampled.yaml', { traced: 0.1 }),
    onRequest: true,
  },
  traced: {
    ...gatewayLeg('the same, every request traced', 'traced.yaml', { traced: 1 }),
    onRequest: true,
  },
  nest: {
    about: 'a Nest controller behind guards that allow, plain JSON alone: what the platform costs by itself',
    isForeign: true,
    onRequest: true,
    ...nodeRelay('nest.mjs'),
  },
  fastify: { about: 'Fastify and undici request', isForeign: true, ...nodeRelay('fastify.mjs') },
  gobare: goLeg("Go's httputil.ReverseProxy as the library has it, which keeps two idle connections"),
  go: goLeg('the same, tuned: room for all idle connections, nothing added to requests', { KEEP_CONNECTIONS: '1' }),
  nginx: {
    about: 'nginx proxy_pass, one process',
    isForeign: true,
    missing: () => isInstalled('nginx') || 'nginx is not installed',
    command: ({ folder, port, upstream }) => ['nginx', ...configureNginx(join(folder, 'nginx'), port, upstream)],
  },
  portkey: {
    about: "Portkey's gateway, where it is installed",
    isForeign: true,
    missing: ({ peers }) => portkeyScript(peers) !== undefined || 'neither PORTKEY_BIN nor --peers has it',
    command: ({ nodeFlags, peers, port }) => {
      return [process.execPath, ...nodeFlags, portkeyScript(peers), `--port=${port}`, '--headless'];
    },
    env: () => ({ NODE_ENV: 'production' }),
    headers: portkeyHeaders,
    readyPath: '/',
  },
  litellm: {
    about: "LiteLLM's proxy, one worker, where it is installed",
    isForeign: true,
    missing: ({ peers }) => litellmProgram(peers) !== undefined || 'neither LITELLM_BIN nor --peers has it',
    command: (setting) => [
      litellmProgram(setting.peers),
      ...configureLitellm(setting.folder, { ...setting, key: KEYS.default }),
    ],
    env: () => LITELLM_ENV,
    readyPath: '/health/liveliness',
    // It has no code to compile, and would need a minute for the others' warm-up.
    warmUpRequests: 1_000,
    startTimeoutMs: 90_000,
  },
};

/** Starts a leg and waits until it serves. `setting` holds folder, upstream, models, nodeFlags, and `ipc` for a probe. */
export async function startLeg(name, setting) {
  const leg = LEGS[name];
  const port = await freePort();
  const own = { ...setting, port };
  const env = { PORT: String(port), UPSTREAM: setting.upstream, ...(await leg.env?.(own)) };
  const logFile = join(setting.folder, `${name}-${port}.out`);
  const errorFile = join(setting.folder, `${name}-${port}.err`);
  const child = start(name, leg.command(own), {
    core: SERVER_CORE,
    ipc: setting.ipc,
    env,
    cwd: checkout,
    stdout: logFile,
    stderr: errorFile,
  });
  const url = `http://127.0.0.1:${port}`;
  try {
    await untilReady(child, url + (leg.readyPath ?? '/v1/models'), leg.startTimeoutMs);
  } catch (error) {
    const lastWords = spawnSync('tail', ['-n', '20', errorFile, logFile]).stdout.toString();
    throw new Error(`${error.message}\n${lastWords}`, { cause: error });
  }
  return {
    name,
    isForeign: leg.isForeign ?? false,
    headers: leg.headers?.(setting),
    warmUpRequests: leg.warmUpRequests,
    child,
    pid: child.pid,
    url,
    logFile,
    opsUrl: `http://127.0.0.1:${env.OPS_PORT}`,
    sent: 0,
    stop: () => end(child),
  };
}
