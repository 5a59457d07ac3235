// `npm run bench`: README.md in this folder says how to read what it prints, --help what it can do.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { printFreshProcesses, runFreshProcesses } from './fresh-processes.mjs';
import { assertLayersWereOn } from './gateway-leg.mjs';
import { freePort, LEGS, startLeg } from './legs.mjs';
import { measure, measureMemory, scaled, warmUp } from './measure.mjs';
import { HELP, readOptions, UsageError } from './options.mjs';
import { endAll, firstLine, isInstalled, pause, start, WORLD_CORE } from './processes.mjs';
import { machine, print, printLayers, printLegs, regressions, summarise, summariseMemory } from './report.mjs';
import { repeated, rotated, runRounds } from './rounds.mjs';
import { assertFilesFor, printSlowStreams, runSlowStreams, summariseSlowStreams } from './slow-streams.mjs';
import { printStalls, runStalls } from './stalls.mjs';
import { MODELS } from './workloads.mjs';

const bench = dirname(fileURLToPath(import.meta.url));
const MEMORY_ROUNDS = 3;
const progress = (text) => process.stderr.write(`${text}\n`);

/** The legs that run here, bare first; a missing one is an error only where it was asked for by name. */
function legsToRun({ legs, legsAreChosen, peers }) {
  const wanted = Object.keys(LEGS).filter((name) => name === 'bare' || legs.includes(name));
  return wanted.filter((name) => {
    const here = LEGS[name].missing?.({ peers }) ?? true;
    if (here === true) return true;
    if (legsAreChosen) throw new UsageError(`--legs ${name}: ${here}`);
    progress(`without ${name}: ${here}`);
    return false;
  });
}

/** Each figure from a process of its own: one that has served already has room to spare in its heap. */
async function runMemory({ openStreams, rounds }, names, setting, load) {
  const memory = Object.fromEntries(names.map((name) => [name, []]));
  if (openStreams === 0) return {};
  for (let round = 0; round < Math.min(rounds, MEMORY_ROUNDS); round++) {
    progress(`memory of ${openStreams} open streams, round ${round + 1}`);
    for (const name of rotated(names, round).filter((leg) => memory[leg])) {
      const leg = await startLeg(name, setting);
      try {
        memory[name].push(await measureMemory(load, leg, openStreams));
      } catch (error) {
        if (!leg.isForeign) throw error;
        progress(`memory without ${name}: ${error.message}`);
        delete memory[name];
      }
      await leg.stop();
    }
  }
  return memory;
}

async function warmedUp(leg, load, workloads) {
  progress(`warm-up: ${leg.name}`);
  const onRepeat = ({ message }) => progress(`warmed up again: ${message}`);
  for (const name of new Set(['json', ...workloads])) {
    try {
      await repeated(() => warmUp(load, leg, name), leg, { onRepeat, pause });
    } catch (error) {
      // A foreign leg that fails this workload may do well in another.
      if (!leg.isForeign) throw error;
    }
  }
}

/** Starts and warms up a leg. @returns undefined where a foreign one does not start */
async function ready(name, setting, load, workloads) {
  let leg;
  try {
    leg = await startLeg(name, setting);
  } catch (error) {
    if (!LEGS[name].isForeign) throw error;
    progress(`without ${name}: ${error.message}`);
    return undefined;
  }
  await warmedUp(leg, load, workloads);
  return leg;
}

/** A redis-server without a file; it ends with the bench. */
async function startRedis(folder) {
  if (!isInstalled('redis-server')) throw new UsageError('--quota redis: redis-server is not installed');
  const port = String(await freePort());
  const flags = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  start('redis', ['redis-server', ...flags], { core: WORLD_CORE, stdout: join(folder, 'redis.out') });
  return `redis://127.0.0.1:${port}`;
}

/** Starts what plays the world around the legs, and prepares those. */
async function startWorld(options, folder) {
  const names = legsToRun(options);
  const node = [process.execPath, ...options.nodeFlags];
  const upstreamProcess = start('upstream', [...node, join(bench, 'upstream.mjs')], { core: WORLD_CORE });
  const { url: upstream } = await firstLine(upstreamProcess);
  const load = start('load', [...node, join(bench, 'load.mjs')], { core: WORLD_CORE, ipc: true });
  const redisUrl = options.quota === 'redis' ? await startRedis(folder) : '';
  const collectorProcess = start('collector', [...node, join(bench, 'collector.mjs')], { core: WORLD_CORE });
  const { url: collector } = await firstLine(collectorProcess);
  const setting = {
    folder,
    upstream,
    collector,
    models: MODELS,
    nodeFlags: options.nodeFlags,
    quota: options.quota,
    redisUrl,
    peers: options.peers,
  };
  for (const name of names) LEGS[name].prepare?.(setting);
  return { names, setting, load };
}

async function compare(options, { names, setting, load }) {
  const legs = [];
  for (const name of names) legs.push(await ready(name, setting, load, options.workloads));
  const running = legs.filter(Boolean);
  const direct = { name: 'direct', url: setting.upstream };
  await warmedUp(direct, load, options.workloads);
  const measured = await runRounds({
    rounds: options.rounds,
    workloads: options.workloads,
    legs: [...running, direct],
    measure: (leg, workload) => measure(load, leg, workload, scaled(workload, options.requests)),
    progress,
    pause,
  });
  const gateway = running.find(({ name }) => name === 'gateway');
  const layers = gateway && (await assertLayersWereOn(gateway.opsUrl, gateway.logFile, gateway.sent));
  for (const leg of running) await leg.stop();
  const able = running.map(({ name }) => name);
  const memory = await runMemory(options, able, setting, load);
  const slow = options.slowStreams > 0 ? await runSlowStreams(options, able, setting, load, progress) : {};
  const stalls = options.stalls ? await runStalls(options, able, setting, load, progress) : undefined;
  return { ...measured, memory, slow, stalls, layers };
}

/** @returns what was found, for a file, and `show`, which prints it */
async function inRounds(options, world) {
  const { figures, failures, repeats, memory: bytes, slow, stalls, layers } = await compare(options, world);
  const [results, memory, slowStreams] = [summarise(figures), summariseMemory(bytes), summariseSlowStreams(slow)];
  const show = () => {
    console.log(`${options.rounds} rounds`);
    print(results, memory, failures);
    if (slowStreams.length > 0) printSlowStreams(options.slowStreams, slowStreams);
    if (stalls) printStalls(stalls);
    if (repeats.length > 0) console.log(`\nMeasured again:\n  ${repeats.join('\n  ')}`);
    if (layers) printLayers(layers);
  };
  return { show, results, memory, slowStreams, stalls, layers, failures, repeats, figures };
}

/** The same of many processes. */
async function overProcesses(options, { names, setting, load }) {
  const figures = await runFreshProcesses(options, names, setting, load, progress);
  return { show: () => printFreshProcesses(figures, options.processes), figures };
}

async function main() {
  const options = readOptions(process.argv.slice(2));
  if (options.help) return console.log(HELP);
  if (!existsSync('/proc/self/stat'))
    throw new UsageError('the cost of a process is read from /proc: this needs Linux');
  assertFilesFor(options.slowStreams);
  const baseline = options.baseline && JSON.parse(readFileSync(options.baseline, 'utf8'));
  const folder = mkdtempSync(join(tmpdir(), 'gateway-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

  const before = machine();
  const world = await startWorld(options, folder);
  const part = options.processes > 0 ? overProcesses : inRounds;
  const { show, ...found } = await part(options, world);
  console.log(`${before.cpu}, ${before.cores} cores, Node ${before.node}, ${new Date().toISOString().slice(0, 10)}`);
  console.log(
    `quota ${options.quota}; ${before.pinned ? 'pinned to cores' : 'not pinned'}; load average at start ${before.load.toFixed(1)}`,
  );
  printLegs(world.names);
  show();
  if (options.json) {
    const report = { date: new Date().toISOString(), machine: before, options, ...found };
    writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  }
  const slower = baseline ? regressions(found.results, baseline) : [];
  for (const line of slower) console.error(`slower than the baseline allows: ${line}`);
  if (slower.length > 0) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  console.error(
    error instanceof UsageError ? `${error.message}\nnpm run bench -- --help explains the options` : error.stack,
  );
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
endAll();
process.exit();
