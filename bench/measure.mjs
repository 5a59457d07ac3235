// One measurement: a workload through a leg, its cost read before and after.
import { ask, cost, pause, residentBytes } from './processes.mjs';
import { KEYS } from './gateway-leg.mjs';
import { HELD_BODY, WORKLOADS } from './workloads.mjs';

/** A fresh gateway costs three times as much for its first 12,000 requests, and a third more for the next 12,000. */
const WARM_UP_REQUESTS = 24_000;
const WARM_UP_SHARE = 0.25;
/** Memory is read after the young generation has been collected a few times. */
const SETTLE_MS = 3_000;

export const scaled = (name, requests) =>
  Math.max(4, Math.round((WORKLOADS[name].requests * requests) / WORKLOADS.json.requests));

/** Answers that were not what the upstream sent. */
export class WrongAnswers extends Error {
  name = 'WrongAnswers';

  /** `onlyShed`: all of them were refusals of a gateway that was too busy. */
  constructor(message, onlyShed) {
    super(message);
    this.onlyShed = onlyShed;
  }
}

/** What a caller of this leg sends. */
export const callTo = (leg, { key, body }) => ({
  url: leg.url,
  key: key ?? KEYS.default,
  headers: leg.headers,
  body: body(),
});

/** Sends so many requests of a workload. @throws WrongAnswers when any answer was wrong */
export async function send(load, leg, name, requests, connections = WORKLOADS[name].connections) {
  const { events } = WORKLOADS[name];
  const job = { ...callTo(leg, WORKLOADS[name]), requests, connections, events };
  const { failed, shed, faults, ...result } = await ask(load, 'run', job);
  if (leg.sent !== undefined) leg.sent += requests - shed;
  if (failed > 0) {
    const text = `${leg.name}: ${failed} of ${requests} answers to "${name}" were wrong\n  ${faults.join('\n  ')}`;
    throw new WrongAnswers(text, shed === failed);
  }
  return result;
}

/** Makes a leg run warm in one workload; in `json`, with which each begins, longest. */
export function warmUp(load, leg, name) {
  const requests =
    name === 'json' ? (leg.warmUpRequests ?? WARM_UP_REQUESTS) : Math.ceil(WORKLOADS[name].requests * WARM_UP_SHARE);
  return send(load, leg, name, requests);
}

const unitsPerRequest = (name) => (WORKLOADS[name].unit === 'event' ? WORKLOADS[name].events : 1);

/** A leg without a pid is the upstream itself, asked directly: it has times, but no cost. */
export async function measure(load, leg, name, requests) {
  const before = leg.pid && cost(leg.pid);
  const { wallMs, ttft, total } = await send(load, leg, name, requests);
  const after = leg.pid && cost(leg.pid);
  const times = { ttft, total, perSecond: (requests / wallMs) * 1_000 };
  if (!leg.pid) return times;
  const cpuUs = after.cpuUs - before.cpuUs;
  return {
    ...times,
    cpuUs: cpuUs / (requests * unitsPerRequest(name)),
    // Helper threads wait while the main thread runs: their waits may overlap.
    busy: Math.min(1, (cpuUs + Math.max(0, after.waitUs - before.waitUs)) / (wallMs * 1_000)),
  };
}

/**
 * Bytes of resident memory per open stream: what `streams` more of them add to a fresh process that already holds
 * half as many, so that pools, code and the heap's first growth are not counted. No other load before: its garbage
 * would leave room in the heap, and given back meanwhile it would even make the figure negative.
 */
export async function measureMemory(load, leg, streams) {
  const job = callTo(leg, { body: () => HELD_BODY });
  try {
    await ask(load, 'hold', { ...job, connections: Math.ceil(streams / 2) });
    await pause(SETTLE_MS);
    const before = residentBytes(leg.pid);
    await ask(load, 'hold', { ...job, connections: streams });
    await pause(SETTLE_MS);
    return (residentBytes(leg.pid) - before) / streams;
  } finally {
    await ask(load, 'release');
  }
}
