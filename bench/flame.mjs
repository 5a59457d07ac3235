// `npm run bench:flame -- [FILE.svg]`: profiles the gateway under the JSON workload and draws where its time goes.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { callTree, flameGraph, sharesByFolder, sharesByOrigin } from './flame-graph.mjs';
import { KEYS, writeGatewayConfig } from './gateway-leg.mjs';
import { freePort } from './legs.mjs';
import { ask, endAll, firstLine, NODE_FLAGS, pause, SERVER_CORE, start, untilReady, WORLD_CORE } from './processes.mjs';
import { MODELS, WORKLOADS } from './workloads.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..');
// Not bundled, so that a frame tells its file; beside node_modules, so that it finds them.
const compiled = join(root, '.cache', 'flame-dist');
const REQUESTS = 20_000;
/** The profile is written within this, ms. */
const WRITTEN_WITHIN_MS = 3_000;

async function profile(folder) {
  const upstreamProcess = start('upstream', [process.execPath, join(here, 'upstream.mjs')], { core: WORLD_CORE });
  const { url: upstream } = await firstLine(upstreamProcess);
  const load = start('load', [process.execPath, join(here, 'load.mjs')], { core: WORLD_CORE, ipc: true });
  writeGatewayConfig(join(folder, 'gateway.yaml'), { upstream, models: MODELS, quota: 'memory' });
  const port = await freePort();
  const file = join(folder, 'profile.json');
  const flags = [...NODE_FLAGS, '--import', join(here, 'profile-on-signal.mjs')];
  const gateway = start('gateway', [process.execPath, ...flags, join(compiled, 'main.js')], {
    core: SERVER_CORE,
    stdout: join(folder, 'gateway.out'),
    stderr: join(folder, 'gateway.err'),
    env: {
      ...{ NODE_ENV: 'production', HOST: '127.0.0.1', PORT: String(port), REDIS_URL: '', PROFILE_FILE: file },
      ...{ OPS_HOST: '127.0.0.1', OPS_PORT: String(await freePort()), CONFIG_PATH: join(folder, 'gateway.yaml') },
    },
  });
  const url = `http://127.0.0.1:${port}`;
  await untilReady(gateway, `${url}/v1/ready`);
  const { body, connections } = WORKLOADS.json;
  const job = { url, key: KEYS.default, body: body(), connections, requests: REQUESTS };
  await ask(load, 'run', job);
  gateway.kill('SIGUSR2');
  await pause(500);
  await ask(load, 'run', job);
  gateway.kill('SIGUSR2');
  await pause(WRITTEN_WITHIN_MS);
  return JSON.parse(readFileSync(file, 'utf8'));
}

const percent = (shares) =>
  shares.map(([name, share]) => `${(share * 100).toFixed(1).padStart(6)} %  ${name}`).join('\n');

const out = process.argv[2] ?? join(root, 'docs', 'images', 'flame-json.svg');
const folder = mkdtempSync(join(tmpdir(), 'flame-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
const { status } = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', compiled], {
  stdio: 'inherit',
});
if (status !== 0) process.exit(status ?? 1);
const tree = callTree(await profile(folder));
writeFileSync(out, flameGraph(tree, `One JSON request after the other, Node ${process.version}`));
console.log(
  `${out}\n\n${percent(sharesByOrigin(tree))}\n\nthis gateway, by folder of src\n${percent(sharesByFolder(tree))}`,
);
endAll();
process.exit();
