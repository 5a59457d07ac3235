import { systemClock } from '../kernel/clock.js';
import { type Call, type Caller } from './caller.js';
import { passed } from './child.js';
import { type Scenario } from './scenario.js';

const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

/** Plays the scenario's load, open loop, and waits for the last answer. */
export async function playLoad(scenario: Scenario, caller: Caller, origin: number): Promise<readonly Call[]> {
  const calls: Promise<Call>[] = [];
  await Promise.all(
    scenario.load.map(async ({ fromMs, toMs = scenario.durationMs, perSecond, streams }) => {
      const gapMs = 1_000 / perSecond;
      let dueMs = fromMs;
      for (let turn = 0; dueMs < Math.min(toMs, scenario.durationMs); turn++, dueMs += gapMs) {
        const waitMs = origin + dueMs - systemClock.now();
        if (waitMs > 1) await passed(waitMs);
        // Spread evenly, and in step with nothing: a balancer that takes turns would send all streams to one provider.
        calls.push(caller.call((turn * GOLDEN_RATIO) % 1 < streams));
      }
    }),
  );
  return Promise.all(calls);
}
