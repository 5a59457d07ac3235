// Starts processes on pinned cores, reads what they cost from /proc, and ends every one of them on every way out.
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

const children = new Set();
const POLL_MS = 50;
const START_TIMEOUT_MS = 20_000;
const NS_PER_US = 1_000;

export const isInstalled = (program) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

const canPin = isInstalled('taskset') && availableParallelism() > 1;
// The kernel ends them even when this process is killed and cannot.
const canTie = isInstalled('setpriv') && spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true']).status === 0;
const ticksPerSecond = Number(spawnSync('getconf', ['CLK_TCK']).stdout?.toString() ?? 100) || 100;

/** The flags that `npm start` and the image give Node. */
export const NODE_FLAGS = ['--max-semi-space-size=64', '--v8-pool-size=1'];

/** Cores: the process under test alone on one, everything that plays the world around it on another. */
export const SERVER_CORE = 0;
export const WORLD_CORE = 1;
export const isPinned = canPin;

/**
 * Starts a process. `stdout` and `stderr` are files to write to.
 * setpriv and taskset replace themselves by the program, so the pid is the program's own.
 */
export function start(name, command, { core, env = {}, ipc = false, stdout, stderr, cwd } = {}) {
  const full = [
    ...(canTie ? ['setpriv', '--pdeathsig', 'KILL'] : []),
    ...(canPin ? ['taskset', '-c', String(core)] : []),
    ...command,
  ];
  const out = stdout ? openSync(stdout, 'w') : 'pipe';
  const err = stderr ? openSync(stderr, 'w') : 'inherit';
  const child = spawn(full[0], full.slice(1), {
    cwd,
    // Options from outside would reach the Node legs alone.
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    stdio: ['ignore', out, err, ...(ipc ? ['ipc'] : [])],
  });
  if (stdout) closeSync(out);
  if (stderr) closeSync(err);
  children.add(child);
  child.name = name;
  child.on('error', (error) => (child.failure = error));
  child.on('exit', () => children.delete(child));
  return child;
}

/** Ends a process and waits until it is gone. */
export async function end(child, signal = 'SIGKILL') {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await gone;
}

export function endAll() {
  for (const child of children) child.kill('SIGKILL');
}

process.on('exit', endAll);
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
]) {
  process.on(signal, () => process.exit(code));
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until a GET of `url` is answered with 200. @throws when the process ends or takes too long */
export async function untilReady(child, url, timeoutMs = START_TIMEOUT_MS) {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    if (child.failure) throw child.failure;
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${child.name} ended at its start`);
    const status = await fetch(url).then(
      (response) => response.text().then(() => response.status),
      () => 0,
    );
    if (status === 200) return;
    await pause(POLL_MS);
  }
  throw new Error(`${child.name} was not ready after ${timeoutMs} ms: ${url}`);
}

/** Resolves with the first line that a process prints, as JSON. */
export function firstLine(child) {
  return new Promise((resolve, reject) => {
    child.stdout.once('data', (line) => resolve(JSON.parse(line.toString())));
    child.once('exit', () => reject(new Error(`${child.name} ended at its start`)));
  });
}

/** Sends a job to a load process and waits for its result. */
export function ask(child, action, job) {
  return new Promise((resolve, reject) => {
    const gone = () => reject(new Error(`${child.name} ended`));
    child.once('exit', gone);
    child.once('message', ({ result, error }) => {
      child.off('exit', gone);
      if (error) reject(new Error(error));
      else resolve(result);
    });
    child.send({ action, job });
  });
}

/**
 * What a process has cost since it began: time on a core and time it was ready but waited for its core, both µs.
 * The scheduler's own account in ns over all threads; where a kernel keeps none, clock ticks.
 */
export function cost(pid) {
  const threads = `/proc/${pid}/task`;
  let ran = 0;
  let waited = 0;
  for (const thread of readdirSync(threads)) {
    const file = `${threads}/${thread}/schedstat`;
    if (!existsSync(file)) return { cpuUs: ticks(pid), waitUs: 0 };
    const [onCore, inQueue] = readFileSync(file, 'latin1').split(' ');
    ran += Number(onCore);
    waited += Number(inQueue);
  }
  // Ticks know threads that have ended, too, and are never ahead: they count where a process ends its threads.
  return { cpuUs: Math.max(ran / NS_PER_US, ticks(pid)), waitUs: waited / NS_PER_US };
}

function ticks(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The program's name stands in brackets and may hold anything; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) / ticksPerSecond) * 1e6;
}

/** Resident memory, bytes. */
export function residentBytes(pid) {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))[1]) * 1024;
}
