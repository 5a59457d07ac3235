import { type Call } from './caller.js';
import { type Sample } from './observer.js';
import { percentileOf } from './percentile.js';
import { MAX_DURATION_MS, type Objective } from './scenario.js';

/** What a game day left behind. */
export interface Evidence {
  readonly calls: readonly Call[];
  readonly samples: readonly Sample[];
  readonly durationMs: number;
  /** The counters of `/metrics` at the end. */
  readonly metrics: ReadonlyMap<string, number>;
}

/** One objective and what became of it. */
export interface Verdict {
  readonly objective: string;
  readonly found: string;
  readonly kept: boolean;
}

const BAD = new Set(['failed', 'broken', 'lost']);
const ATTEMPTS = 'gateway_attempts_total';
const OVERRUN = 'gateway_budget_overrun_nanodollars_total';
const NANO_PER_USD = 1e9;

/** Holds every objective against the evidence. What could not be observed is not kept. */
export function judge(objectives: readonly Objective[], evidence: Evidence): readonly Verdict[] {
  return objectives.map((objective) => verdict(objective, evidence));
}

function verdict(objective: Objective, evidence: Evidence): Verdict {
  const { calls } = evidence;
  switch (objective.check) {
    case 'errors':
      return errors(objective, calls);
    case 'availability': {
      const counted = within(calls, objective).filter(({ outcome }) => outcome !== 'limited');
      const share = counted.filter(({ outcome }) => outcome === 'ok').length / counted.length;
      return of(
        `at least ${percent(objective.min)} of the requests get a whole answer`,
        percent(share),
        share >= objective.min,
      );
    }
    case 'silentlyCut': {
      const cut = calls.filter(({ outcome, status }) => outcome === 'lost' && status === 200).length;
      return of(`at most ${objective.max} answers end early without an error`, String(cut), cut <= objective.max);
    }
    case 'firstToken': {
      const times = within(calls, objective).flatMap(({ firstMs, startMs, stream, status }) =>
        stream && status === 200 && firstMs !== undefined ? [firstMs - startMs] : [],
      );
      return atMost(`first token of streams, p${objective.percentile}`, times, objective);
    }
    case 'refusals': {
      const times = calls.filter(({ code }) => code === 'overloaded').map(({ startMs, endMs }) => endMs - startMs);
      return atMost(`refusals, p${objective.percentile}`, times, objective);
    }
    case 'goodput':
      return goodput(objective, evidence);
    case 'breakerOpened':
      return breakerOpened(objective, evidence);
    case 'breakerClosedAtEnd': {
      const state = evidence.samples.at(-1)?.targets.find(({ provider }) => provider === objective.upstream)?.breaker;
      return of(
        `the breaker of ${objective.upstream} is closed at the end`,
        state ?? 'not observed',
        state === 'closed',
      );
    }
    case 'usedAgain':
      return usedAgain(objective, calls);
    case 'attempts': {
      const ratio = sum(evidence.metrics, ATTEMPTS) / calls.length;
      const told = `at most ${objective.maxPerRequest} attempts per request`;
      return of(told, ratio.toFixed(3), ratio <= objective.maxPerRequest);
    }
    case 'failedAttempts': {
      const { upstream, max } = objective;
      const failed = sum(evidence.metrics, ATTEMPTS, `provider="${upstream}"`, 'outcome="fault"');
      return of(`at most ${max} attempts at ${upstream} fail`, String(failed), failed <= max);
    }
    case 'overrun': {
      const usd = sum(evidence.metrics, OVERRUN) / NANO_PER_USD;
      return of(`at most ${objective.maxUsd} USD charged beyond reservations`, `${usd} USD`, usd <= objective.maxUsd);
    }
  }
}

type Check<Name extends Objective['check']> = Extract<Objective, { check: Name }>;

function errors(objective: Check<'errors'>, calls: readonly Call[]): Verdict {
  const { streams } = objective;
  const counted = within(calls, objective).filter(({ stream }) => streams === undefined || stream === streams);
  const bad = counted.filter(({ outcome }) => BAD.has(outcome)).length;
  const whose = streams === undefined ? 'callers' : streams ? 'callers of streams' : 'callers of plain answers';
  return of(
    `${whose} see at most ${objective.max} errors${span(objective)}`,
    `${bad} of ${counted.length}`,
    bad <= objective.max,
  );
}

function goodput(objective: Check<'goodput'>, { calls, durationMs }: Evidence): Verdict {
  const { fromMs, minPerSecond } = objective;
  const toMs = Math.min(objective.toMs, durationMs);
  const whole = calls.filter(({ outcome, endMs }) => outcome === 'ok' && endMs >= fromMs && endMs < toMs).length;
  const rate = (whole * 1_000) / (toMs - fromMs);
  const told = `at least ${minPerSecond} whole answers per second${span(objective)}`;
  return of(told, rate.toFixed(1), rate >= minPerSecond);
}

function breakerOpened(objective: Check<'breakerOpened'>, { samples }: Evidence): Verdict {
  const { upstream, afterMs, withinMs } = objective;
  const first = samples.find(
    ({ atMs, targets }) =>
      atMs >= afterMs && targets.some(({ provider, breaker }) => provider === upstream && breaker === 'open'),
  );
  return latency(`the breaker of ${upstream} opens`, first && first.atMs - afterMs, withinMs);
}

function usedAgain({ upstream, afterMs, withinMs }: Check<'usedAgain'>, calls: readonly Call[]): Verdict {
  const times = calls
    .filter(({ provider, outcome, startMs }) => provider === upstream && outcome === 'ok' && startMs >= afterMs)
    .map(({ startMs }) => startMs - afterMs);
  return latency(`${upstream} is used again`, times.length === 0 ? undefined : Math.min(...times), withinMs);
}

function latency(what: string, afterMs: number | undefined, withinMs: number): Verdict {
  const found = afterMs === undefined ? 'never' : `after ${Math.round(afterMs)} ms`;
  return of(`${what} within ${withinMs} ms`, found, afterMs !== undefined && afterMs <= withinMs);
}

function atMost(
  what: string,
  times: readonly number[],
  { percentile, maxMs }: { readonly percentile: number; readonly maxMs: number },
): Verdict {
  const found = percentileOf(times, percentile);
  const told = found === undefined ? 'none' : `${Math.round(found)} ms of ${times.length}`;
  return of(`${what} at most ${maxMs} ms`, told, found !== undefined && found <= maxMs);
}

function within(calls: readonly Call[], { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number }): Call[] {
  return calls.filter(({ startMs }) => startMs >= fromMs && startMs < toMs);
}

function span({ fromMs, toMs }: { readonly fromMs: number; readonly toMs: number }): string {
  const seconds = (ms: number): string => `${ms / 1_000} s`;
  if (fromMs === 0) return toMs >= MAX_DURATION_MS ? '' : ` until ${seconds(toMs)}`;
  return toMs >= MAX_DURATION_MS ? ` from ${seconds(fromMs)}` : ` from ${seconds(fromMs)} to ${seconds(toMs)}`;
}

/** The sum of a metric's series that have all these labels, `name="value"`. */
function sum(metrics: ReadonlyMap<string, number>, name: string, ...labels: readonly string[]): number {
  let total = 0;
  for (const [key, value] of metrics) {
    const ofMetric = key === name || key.startsWith(`${name}{`);
    if (ofMetric && labels.every((label) => key.includes(label))) total += value;
  }
  return total;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

function of(objective: string, found: string, kept: boolean): Verdict {
  return { objective, found, kept };
}
