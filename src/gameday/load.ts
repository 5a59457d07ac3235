import { systemClock } from '../kernel/clock.js';
import { type Call, type Caller } from './caller.js';
import { passed } from './child.js';
import { type Scenario } from './scenario.js';

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
        // Spread evenly: every share of streams comes out exactly over the whole.
        calls.push(caller.call(Math.floor((turn + 1) * streams) > Math.floor(turn * streams)));
      }
    }),
  );
  return Promise.all(calls);
}
