import { type Call, type Outcome } from './caller.js';
import { type Chart, type Mark, type Series } from './chart.js';
import { type Sample, type TargetSample } from './observer.js';
import { percentileOf } from './percentile.js';

const SECOND = 1_000;
const STATES = ['closed', 'halfOpen', 'open'] as const;
const OUTCOMES: readonly Outcome[] = ['ok', 'shed', 'limited', 'failed', 'broken', 'lost'];

/** The charts of a game day by file name. */
export function chartsOf(
  calls: readonly Call[],
  samples: readonly Sample[],
  durationMs: number,
  marks: readonly Mark[],
): ReadonlyMap<string, Chart> {
  const providers = [...new Set(samples.flatMap(({ targets }) => targets.map(({ provider }) => provider)))];
  const perTarget = (value: (target: TargetSample) => number, suffix = ''): Series[] =>
    providers.map((provider) => ({ name: provider + suffix, steps: true, points: track(samples, provider, value) }));
  const seen = OUTCOMES.filter((outcome) => calls.some((call) => call.outcome === outcome));
  const chart = (title: string, unit: string, series: readonly Series[]): Chart => ({
    title,
    unit,
    durationMs,
    series,
    marks,
  });
  return new Map([
    [
      'outcomes.svg',
      chart(
        'Answers by what callers saw',
        '/s',
        seen.map((outcome) => rate(outcome, calls, durationMs, (call) => call.outcome === outcome)),
      ),
    ],
    [
      'providers.svg',
      chart(
        'Whole answers by provider',
        '/s',
        providers.map((name) =>
          rate(name, calls, durationMs, (call) => call.provider === name && call.outcome === 'ok'),
        ),
      ),
    ],
    [
      'first-token.svg',
      chart(
        'First token of streams',
        ' ms',
        [50, 95].map((percentile) => quantile(percentile, calls, durationMs)),
      ),
    ],
    [
      'breakers.svg',
      {
        ...chart(
          'Breakers',
          '',
          perTarget(({ breaker }) => STATES.indexOf(breaker as never)),
        ),
        states: STATES,
      },
    ],
    [
      'limiters.svg',
      chart('Concurrency: limit and attempts in flight', '', [
        ...perTarget(({ limit }) => limit, ' limit'),
        ...perTarget(({ inFlight }) => inFlight, ' in flight'),
      ]),
    ],
  ]);
}

function track(
  samples: readonly Sample[],
  provider: string,
  value: (target: TargetSample) => number,
): [number, number][] {
  return samples.flatMap(({ atMs, targets }): [number, number][] => {
    const target = targets.find((one) => one.provider === provider);
    return target ? [[atMs, value(target)]] : [];
  });
}

function rate(name: string, calls: readonly Call[], durationMs: number, counts: (call: Call) => boolean): Series {
  const perSecond = seconds(durationMs).map((from): [number, number] => [
    from + SECOND / 2,
    calls.filter((call) => call.endMs >= from && call.endMs < from + SECOND && counts(call)).length,
  ]);
  return { name, points: perSecond };
}

function quantile(percentile: number, calls: readonly Call[], durationMs: number): Series {
  const points = seconds(durationMs).flatMap((from): [number, number][] => {
    const times = calls.flatMap(({ stream, firstMs, startMs }) =>
      stream && firstMs !== undefined && firstMs >= from && firstMs < from + SECOND ? [firstMs - startMs] : [],
    );
    const value = percentileOf(times, percentile);
    return value === undefined ? [] : [[from + SECOND / 2, value]];
  });
  return { name: `p${percentile}`, points };
}

function seconds(durationMs: number): number[] {
  return Array.from({ length: Math.ceil(durationMs / SECOND) }, (_, index) => index * SECOND);
}
