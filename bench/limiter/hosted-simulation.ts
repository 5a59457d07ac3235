import { Limiter } from '../../src/resilience/limiter.js';
import { type Contender } from './contenders.js';
import { SimulatedClock } from './simulation.js';

/** A hosted upstream: a quota of requests in flight, and a TTFT that is noisy and no business of ours. */
const QUOTA = 40;
const SERVICE_MS = 4_400;
const OFFERED_PER_SECOND = 2.2 * (QUOTA / (SERVICE_MS / 1_000));
const TICK_MS = 10;

export interface HostedResult {
  /** Share of the offered requests that our limiter refused. */
  readonly rejected: number;
  /** Share of the requests sent that the upstream refused with 429. */
  readonly throttled: number;
  readonly goodputPerSecond: number;
}

/** Plays `seconds` of twice the quota. */
export function simulateHosted(contender: Contender, seconds: number, seed: number): HostedResult {
  const clock = new SimulatedClock(seed);
  const limiter = new Limiter(contender.create(clock));
  const ends: number[] = [];
  const firsts: { at: number; ttftMs: number }[] = [];
  let [offered, sent, throttled, finished] = [0, 0, 0, 0];
  for (; clock.time < seconds * 1_000; clock.time += TICK_MS) {
    for (; (ends[0] ?? Infinity) <= clock.time; finished++) {
      ends.shift();
      limiter.release('done');
    }
    while ((firsts[0]?.at ?? Infinity) <= clock.time) limiter.firstToken(firsts.shift()?.ttftMs ?? 0, 400);
    if (clock.random() >= (OFFERED_PER_SECOND * TICK_MS) / 1_000) continue;
    offered++;
    if (!limiter.tryAcquire()) continue;
    sent++;
    if (ends.length >= QUOTA) {
      throttled++;
      limiter.release('overload');
      continue;
    }
    ends.push(clock.time + SERVICE_MS);
    // Slow spells of 20 s in each minute that have nothing to do with us.
    const ttftMs = (clock.time % 60_000 < 20_000 ? 1_500 : 300) * (0.5 + clock.random());
    firsts.push({ at: clock.time + ttftMs, ttftMs });
    firsts.sort((a, b) => a.at - b.at);
  }
  return { rejected: 1 - sent / offered, throttled: throttled / sent, goodputPerSecond: finished / seconds };
}
