// Thousands of streams that give an event a second each, on one process: their memory, and what is added to the time
// that an event is under way.
import { readFileSync } from 'node:fs';
import { LEGS, startLeg } from './legs.mjs';
import { callTo, WrongAnswers } from './measure.mjs';
import { UsageError } from './options.mjs';
import { ask, cost, pause, residentBytes } from './processes.mjs';
import { table } from './report.mjs';
import { repeated, rotated } from './rounds.mjs';
import { spread } from './statistics.mjs';
import { TIMED_BODY } from './workloads.mjs';

/** Held before memory is read first, so that code and the heap's first growth are not counted. */
const BASE_SHARE = 0.2;
/** Between batches of 64, for a process that is cold. */
const OPENING_PAUSE_MS = 100;
const SETTLE_MS = 3_000;
const LISTEN_MS = 20_000;
const MAX_ROUNDS = 3;
/** Files of a relay that are no streams. */
const OTHER_FILES = 200;

/** @throws UsageError where a process may not open a socket to the caller and one to the upstream per stream */
export function assertFilesFor(streams) {
  // Node raises its own soft limit to the hard one, and its children inherit that.
  const [, hard] = /Max open files\s+\d+\s+(\d+|unlimited)/.exec(readFileSync('/proc/self/limits', 'latin1'));
  const needed = streams * 2 + OTHER_FILES;
  if (hard !== 'unlimited' && Number(hard) < needed) {
    throw new UsageError(`--slow-streams ${streams} needs ${needed} open files, ulimit -Hn allows ${hard}`);
  }
}

async function hold(load, leg, connections) {
  const job = { ...callTo(leg, { body: () => TIMED_BODY }), connections, timed: true, pauseMs: OPENING_PAUSE_MS };
  try {
    await ask(load, 'hold', job);
  } catch (error) {
    throw new WrongAnswers(`${leg.name}: ${error.message}`, error.message.includes('"overloaded"'));
  }
}

/** A leg without a pid is the upstream itself: it has delays, but neither memory nor cost. */
async function observe(load, leg, streams) {
  const base = Math.ceil(streams * BASE_SHARE);
  try {
    await hold(load, leg, base);
    await pause(SETTLE_MS);
    const before = leg.pid && residentBytes(leg.pid);
    await hold(load, leg, streams - base);
    await pause(SETTLE_MS);
    const memory = leg.pid && { bytesPerStream: (residentBytes(leg.pid) - before) / (streams - base) };
    const costBefore = leg.pid && cost(leg.pid).cpuUs;
    const heard = await ask(load, 'listen', { forMs: LISTEN_MS });
    return { ...heard, ...memory, ...(leg.pid && { cpuUs: (cost(leg.pid).cpuUs - costBefore) / heard.events }) };
  } finally {
    await ask(load, 'release');
  }
}

/** @returns figures[leg]: one per round; `direct` is the upstream itself. A foreign leg that fails is left out */
export async function runSlowStreams({ slowStreams, rounds }, names, setting, load, progress) {
  const all = [...names, 'direct'];
  const figures = Object.fromEntries(all.map((name) => [name, []]));
  for (let round = 0; round < Math.min(rounds, MAX_ROUNDS); round++) {
    progress(`${slowStreams} slow streams, round ${round + 1}`);
    for (const name of rotated(all, round).filter((leg) => figures[leg])) {
      const fresh = async () => {
        if (name === 'direct') return observe(load, { name, url: setting.upstream }, slowStreams);
        const leg = await startLeg(name, setting);
        return observe(load, leg, slowStreams).finally(() => leg.stop());
      };
      const isForeign = LEGS[name]?.isForeign ?? false;
      const onRepeat = ({ message }) => progress(`once more: ${message}`);
      try {
        figures[name].push(await repeated(fresh, { name, isForeign }, { onRepeat, pause }));
      } catch (error) {
        if (!isForeign) throw error;
        progress(`left out: ${error.message}`);
        delete figures[name];
      }
    }
  }
  return figures;
}

export function summariseSlowStreams(figures) {
  return Object.entries(figures).map(([leg, rounds]) => {
    const column = (value) => spread(rounds.map(value));
    const times = {
      p50Ms: column(({ delayMs }) => delayMs.p50),
      p99Ms: column(({ delayMs }) => delayMs.p99),
      maxMs: column(({ delayMs }) => delayMs.max),
    };
    if (leg === 'direct') return { leg, ...times };
    return {
      leg,
      ...times,
      kibPerStream: column(({ bytesPerStream }) => bytesPerStream / 1024),
      kibBeyondBare: spread(
        rounds.map(({ bytesPerStream }, at) => (bytesPerStream - figures.bare[at].bytesPerStream) / 1024),
      ),
      cpuUs: column(({ cpuUs }) => cpuUs),
    };
  });
}

const text = (value, digits) =>
  value ? `${value.median.toFixed(digits)} (${value.min.toFixed(digits)} to ${value.max.toFixed(digits)})` : '';

export function printSlowStreams(streams, results) {
  console.log(`\n${streams} open streams, an event a second each; from the upstream's send to the caller's read`);
  const rows = results.map((row) => [
    row.leg,
    text(row.p50Ms, 2),
    text(row.p99Ms, 1),
    text(row.maxMs, 0),
    text(row.kibPerStream, 1),
    row.leg === 'bare' ? '' : text(row.kibBeyondBare, 1),
    text(row.cpuUs, 1),
  ]);
  const headings = ['leg', 'p50 ms', 'p99 ms', 'longest ms', 'KiB per stream', 'beyond bare', 'CPU µs per event'];
  console.log(table(headings, rows));
}
