import { systemClock } from '../kernel/clock.js';
import { Caller } from './caller.js';
import { passed } from './child.js';
import { judge } from './judge.js';
import { playLoad } from './load.js';
import { metricsOf, Observer } from './observer.js';
import { type GamedayResult } from './report.js';
import { type Action, type Scenario } from './scenario.js';
import { Stage } from './stage.js';
import { callerTroubles, describeAction, gatewayChanges, type TimelineEntry } from './timeline.js';

/** Lines of the gateway's log that are no news on a timeline. */
const DULL = /secrets? stands? in the file|request was/;

/**
 * Plays a game day from the start of its processes to their end.
 * @param path `PATH`, to find redis-server
 * @throws Error where a process does not start or an action cannot be done
 */
export async function playGameday(name: string, scenario: Scenario, path: string): Promise<GamedayResult> {
  const timeline: TimelineEntry[] = [];
  let origin = systemClock.now();
  const stage = new Stage(scenario, path, (line) => {
    const what = newsOf(line);
    if (what !== undefined) timeline.push({ atMs: systemClock.now() - origin, who: 'log', what });
  });
  try {
    await stage.setUp();
    timeline.length = 0;
    origin = systemClock.now();
    const startedAt = systemClock.wall();
    const caller = new Caller(stage.publicUrl, stage.callerKey, origin);
    const observer = new Observer(stage, origin);
    const observed = observer.run();
    const [calls] = await Promise.all([
      playLoad(scenario, caller, origin),
      playScript(scenario.script, stage, origin, timeline),
      passed(scenario.durationMs),
    ]);
    observer.stop();
    await observed;
    caller.close();
    const evidence = {
      calls,
      samples: observer.samples,
      durationMs: scenario.durationMs,
      metrics: await metricsOf(stage),
    };
    timeline.push(...gatewayChanges(observer.samples), ...callerTroubles(calls));
    timeline.sort((one, other) => one.atMs - other.atMs);
    return { name, scenario, startedAt, evidence, timeline, verdicts: judge(scenario.objectives, evidence) };
  } finally {
    await stage.tearDown();
  }
}

async function playScript(
  script: readonly Action[],
  stage: Stage,
  origin: number,
  timeline: TimelineEntry[],
): Promise<void> {
  for (const action of [...script].sort((one, other) => one.atMs - other.atMs)) {
    await passed(Math.max(0, origin + action.atMs - systemClock.now()));
    timeline.push({ atMs: systemClock.now() - origin, who: 'script', what: describeAction(action) });
    await perform(action, stage);
  }
}

async function perform(action: Action, stage: Stage): Promise<void> {
  switch (action.do) {
    case 'kill':
      return stage.killUpstream(action.upstream);
    case 'start':
      return stage.startUpstream(action.upstream);
    case 'behave':
      return stage.controlUpstream(action.upstream, { settings: action.settings, faults: action.faults });
    case 'redis':
      return redis(action.to, stage);
    case 'chaos':
      return succeeded(await stage.admin('POST', 'chaos', action.experiment));
    case 'endChaos':
      return succeeded(await stage.admin('DELETE', 'chaos'));
  }
}

async function redis(to: Extract<Action, { do: 'redis' }>['to'], stage: Stage): Promise<void> {
  if (to === 'kill') await stage.killRedis();
  else if (to === 'start') await stage.startRedis();
  else stage.signalRedis(to === 'freeze' ? 'SIGSTOP' : 'SIGCONT');
}

async function succeeded(response: Response): Promise<void> {
  if (!response.ok) throw new Error(`the gateway refuses the experiment: ${await response.text()}`);
}

/** What a line of the gateway's log says beside the ledger; undefined = nothing worth telling. */
function newsOf(line: string): string | undefined {
  if (!line.startsWith('{')) return undefined;
  const { level, msg, mode, reason, target, from, to } = JSON.parse(line) as Record<string, unknown>;
  if (msg === 'breaker') return `breaker ${String(target)}: ${String(from)} to ${String(to)}, ${String(reason)}`;
  if (level === 'info' || typeof msg !== 'string' || DULL.test(msg)) return undefined;
  return [msg, mode, reason].filter((word) => typeof word === 'string').join(', ');
}
