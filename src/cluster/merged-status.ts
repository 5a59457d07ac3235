import { type StatusReport, type TargetStatus } from '../admin/gateway-status.js';
import { type TrafficSecond } from '../admin/traffic-window.js';

const BREAKER_STATES: readonly TargetStatus['breaker']['state'][] = ['closed', 'halfOpen', 'open'];

/**
 * The state of all workers: counts and limits are sums; of breakers, cool-downs, shed levels and quantiles the worst.
 * The quantile over all requests is not above the worst of the workers'. What operators set is the oldest worker's:
 * it is the same in all.
 */
export function mergeStatus([oldest, ...others]: readonly [StatusReport, ...StatusReport[]]): StatusReport {
  const all = [oldest, ...others];
  const seconds = all.flatMap(({ traffic }) => traffic ?? []);
  // A worker that has sent nothing anywhere has no say in where requests went.
  const sending = all.filter(({ targets }) => targets.some(({ recentShare }) => recentShare > 0)).length;
  return {
    ...oldest,
    draining: all.every(({ draining }) => draining),
    inFlight: sum(all.map(({ inFlight }) => inFlight)),
    load: {
      level: Math.max(...all.map(({ load }) => load.level)),
      causes: [...new Set(all.flatMap(({ load }) => load.causes))],
    },
    // Workers finish their seconds one after the other: the last of each is in one sum.
    traffic: seconds.length === 0 ? null : mergeSeconds(seconds),
    targets: groupsBy(
      all.flatMap(({ targets }) => targets),
      ({ id }) => id,
    ).map((of) => mergeTarget(of, sending)),
  };
}

/** The last 10 minutes of all workers, by second. */
export function mergeTraffic(windows: readonly (readonly TrafficSecond[])[]): readonly TrafficSecond[] {
  return groupsBy(windows.flat(), ({ at }) => at)
    .map(mergeSeconds)
    .sort((left, right) => left.at - right.at);
}

function mergeSeconds(seconds: readonly TrafficSecond[]): TrafficSecond {
  const worst = (of: (second: TrafficSecond) => number | null): number | null => worstOf(seconds.map(of));
  return {
    at: Math.max(...seconds.map(({ at }) => at)),
    requests: sum(seconds.map(({ requests }) => requests)),
    failed: sum(seconds.map(({ failed }) => failed)),
    refused: sum(seconds.map(({ refused }) => refused)),
    ttftP50: worst(({ ttftP50 }) => ttftP50),
    ttftP95: worst(({ ttftP95 }) => ttftP95),
    addedP50: worst(({ addedP50 }) => addedP50),
    addedP99: worst(({ addedP99 }) => addedP99),
  };
}

function mergeTarget(of: readonly [TargetStatus, ...TargetStatus[]], sending: number): TargetStatus {
  const breakers = of.map(({ breaker }) => breaker);
  const state = Math.max(...breakers.map((breaker) => BREAKER_STATES.indexOf(breaker.state)));
  const share = sum(of.map(({ recentShare }) => recentShare)) / Math.max(1, sending);
  return {
    ...of[0],
    breaker: {
      state: BREAKER_STATES[state] ?? 'closed',
      remainingOpenMs: Math.max(...breakers.map(({ remainingOpenMs }) => remainingOpenMs)),
    },
    coolDownMs: Math.max(...of.map(({ coolDownMs }) => coolDownMs)),
    limiter: {
      limit: sum(of.map(({ limiter }) => limiter.limit)),
      inFlight: sum(of.map(({ limiter }) => limiter.inFlight)),
    },
    queued: sum(of.map(({ queued }) => queued)),
    ttftMs: { p50: worstOf(of.map(({ ttftMs }) => ttftMs.p50)), p95: worstOf(of.map(({ ttftMs }) => ttftMs.p95)) },
    recentShare: Math.round(share * 1_000) / 1_000,
  };
}

function groupsBy<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => unknown,
): readonly (readonly [Item, ...Item[]])[] {
  const groups = new Map<unknown, [Item, ...Item[]]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return [...groups.values()];
}

function sum(values: readonly number[]): number {
  return values.reduce((left, right) => left + right, 0);
}

function worstOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}
