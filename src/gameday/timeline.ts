import { type Call } from './caller.js';
import { type Sample } from './observer.js';
import { type Action } from './scenario.js';

/** Something that happened, ms since the start of the game day. */
export interface TimelineEntry {
  readonly atMs: number;
  /** `script`: we did it. `gateway`: it did. `log`: it said so. `caller`: somebody saw it. */
  readonly who: 'script' | 'gateway' | 'log' | 'caller';
  readonly what: string;
}

const BAD = new Set(['failed', 'broken', 'lost']);

/** What the samples show changing: breakers and cool-downs. */
export function gatewayChanges(samples: readonly Sample[]): TimelineEntry[] {
  const entries: TimelineEntry[] = [];
  const last = new Map<string, { breaker: string; cooling: boolean }>();
  for (const { atMs, targets } of samples) {
    for (const { provider, breaker, coolDownMs } of targets) {
      const before = last.get(provider) ?? { breaker: 'closed', cooling: false };
      const cooling = coolDownMs > 0;
      if (breaker !== before.breaker) {
        entries.push({ atMs, who: 'gateway', what: `breaker of ${provider}: ${before.breaker} to ${breaker}` });
      }
      if (cooling !== before.cooling) {
        const what = cooling ? `${provider} rests for ${Math.round(coolDownMs)} ms` : `${provider} has rested`;
        entries.push({ atMs, who: 'gateway', what });
      }
      last.set(provider, { breaker, cooling });
    }
  }
  return entries;
}

/** The first and the last error that callers saw, of each run of errors with less than a second between them. */
export function callerTroubles(calls: readonly Call[]): TimelineEntry[] {
  const bad = calls.filter(({ outcome }) => BAD.has(outcome)).sort((one, other) => one.endMs - other.endMs);
  const runs: Call[][] = [];
  for (const call of bad) {
    const run = runs.at(-1);
    if (run && call.endMs - (run.at(-1)?.endMs ?? 0) < 1_000) run.push(call);
    else runs.push([call]);
  }
  return runs.map((run) => ({ atMs: run[0]?.endMs ?? 0, who: 'caller', what: describeRun(run) }));
}

function describeRun(run: readonly Call[]): string {
  const codes = [...new Set(run.map(({ code, outcome }) => code ?? outcome))].join(', ');
  const lasted = Math.round((run.at(-1)?.endMs ?? 0) - (run[0]?.endMs ?? 0));
  return run.length === 1
    ? `one caller sees an error (${codes})`
    : `${run.length} errors within ${lasted} ms (${codes})`;
}

export function describeAction(action: Action): string {
  switch (action.do) {
    case 'kill':
      return `kill -9 ${action.upstream}`;
    case 'start':
      return `${action.upstream} starts again`;
    case 'behave': {
      const settings = Object.entries(action.settings).map(([name, value]) => `${name} ${value}`);
      const wish = [...action.faults, ...settings].join(', ');
      return wish === '' ? `${action.upstream} behaves again` : `${action.upstream}: ${wish}`;
    }
    case 'redis':
      return { kill: 'kill -9 redis', start: 'redis starts again', freeze: 'redis freezes', thaw: 'redis thaws' }[
        action.to
      ];
    case 'chaos':
      return `chaos experiment ${action.experiment.id}: ${action.experiment.fault.type} for ${action.experiment.percentage} %`;
    case 'endChaos':
      return 'chaos kill switch';
  }
}
