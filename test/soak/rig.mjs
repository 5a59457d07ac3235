// The gateway and two simulated upstreams, each a process of its own, and a file that changes.
import { spawn } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';

const ROOT = join(import.meta.dirname, '..', '..');
export const CLIENT = 'a-client-key-of-the-soak-0123456789';
export const ADMIN = 'an-admin-key-of-the-soak-0123456789';
const NAMES = ['a', 'b'];

const folder = mkdtempSync(join(tmpdir(), 'soak-'));
const path = join(folder, 'gateway.yaml');
const children = [];

function start(args, options) {
  const child = spawn(process.execPath, args, { cwd: ROOT, ...options });
  children.push(child);
  return child;
}

/** Waits until the process has said something that matches. */
function said(child, stream, pattern) {
  return new Promise((resolve, reject) => {
    let text = '';
    stream.setEncoding('utf8').on('data', (more) => {
      text = (text + more).slice(-10_000);
      const found = pattern.exec(text);
      if (found) resolve(found);
    });
    child.once('exit', () => reject(new Error(`ended at its start:\n${text}`)));
  });
}

async function upstream(seed) {
  const flags = ['--port', '0', '--first-token-ms', '3', '--token-ms', '2', '--tokens', '12', '--seed', String(seed)];
  const child = start(['dist/cli.simulate.js', ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [, url] = await said(child, child.stdout, /answers at (\S+)\n/);
  return url;
}

function file(turn, urls) {
  const provider = (name, at) => ({
    name,
    kind: 'openai',
    baseUrl: urls[at],
    allowPrivate: true,
    weight: 1 + ((turn + at) % 3),
    timeouts: { firstTokenMs: 500, idleMs: 500 },
  });
  const limits = { requestsPerMinute: 1_000_000, tokensPerMinute: 150_000_000, concurrentRequests: 500 };
  return stringify(
    {
      version: 1,
      auth: {
        keys: [
          { id: 'client', secret: CLIENT, limits, budgets: [{ scope: 'key', window: '1d', usd: '1000000' }] },
          { id: 'admin', secret: ADMIN, role: 'admin' },
        ],
      },
      providers: NAMES.map(provider),
      models: [
        {
          name: 'm',
          targets: NAMES.map((name) => ({ provider: name, model: `m-${turn % 5}` })),
          price: { inputPerMillion: '1', cachedInputPerMillion: '1', outputPerMillion: '1' },
        },
      ],
      guardrails: { output: { bannedWords: [{ text: `never said ${turn % 7}`, action: 'redact' }] } },
      limits: { bodyBytes: 262_144 },
      resilience: { shedding: { enabled: false } },
    },
    { aliasDuplicateObjects: false },
  );
}

/** Starts everything. */
export async function startRig() {
  const urls = [await upstream(1), await upstream(2)];
  writeFileSync(path, file(0, urls));
  const gateway = start(['--import', join(import.meta.dirname, 'probe.mjs'), 'dist/main.js'], {
    env: { PATH: process.env.PATH, HOST: '127.0.0.1', PORT: '0', OPS_PORT: '0', CONFIG_PATH: path, LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const [, api, ops] = await said(gateway, gateway.stderr, /API +(http\S+?)\/v1[\s\S]*?Metrics +(http\S+?)\/metrics/);
  const loopback = (url) => url.replace('localhost', '127.0.0.1');
  return {
    gateway,
    api: loopback(api),
    ops: loopback(ops),
    /** Replaces the file, every third time by a bad one, and waits until it was looked at. */
    async reload(turn) {
      writeFileSync(`${path}.new`, turn % 3 === 2 ? 'version: 1\nproviders: [' : file(turn, urls));
      renameSync(`${path}.new`, path);
      const headers = { authorization: `Bearer ${ADMIN}` };
      await (await fetch(`${loopback(ops)}/admin/config/reload`, { method: 'POST', headers })).text();
    },
    /** Lets one upstream misbehave, or both behave. */
    async fault(at, words) {
      const options = { method: 'POST', headers: { 'content-type': 'application/json' } };
      for (const [index, url] of urls.entries()) {
        const faults = index === at ? words : [];
        await (await fetch(new URL('/control', url), { ...options, body: JSON.stringify({ faults }) })).text();
      }
    },
    sample() {
      return new Promise((resolve, reject) => {
        gateway.once('message', resolve);
        gateway.send('sample', (error) => error && reject(error));
      });
    },
    stop() {
      for (const child of children) child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
