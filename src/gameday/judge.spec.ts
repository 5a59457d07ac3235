import { describe, expect, it } from 'vitest';
import { type Call } from './caller.js';
import { type Evidence, judge } from './judge.js';
import { type Sample } from './observer.js';
import { type Objective } from './scenario.js';

const END = 120_000;

function aCall(changes: Partial<Call> = {}): Call {
  return {
    startMs: 1_000,
    endMs: 1_100,
    firstMs: 1_050,
    stream: true,
    status: 200,
    code: undefined,
    outcome: 'ok',
    provider: 'a',
    attempts: 1,
    ...changes,
  };
}

function aSample(atMs: number, breaker: string): Sample {
  return {
    atMs,
    inFlight: 0,
    targets: [{ provider: 'a', breaker, coolDownMs: 0, limit: 1, inFlight: 0, recentShare: 1 }],
  };
}

const lost = aCall({ outcome: 'lost', stream: false, status: 0, startMs: 5_000 });
const shed = aCall({ outcome: 'shed', status: 503, code: 'overloaded', firstMs: undefined, endMs: 1_005 });
const evidence: Evidence = {
  calls: [aCall(), lost, shed],
  samples: [aSample(0, 'closed'), aSample(2_000, 'open'), aSample(3_000, 'closed')],
  durationMs: 10_000,
  metrics: new Map([
    ['gateway_attempts_total{provider="a",outcome="fault"}', 3],
    ['gateway_attempts_total{provider="a",outcome="success"}', 1],
    ['gateway_attempts_total{provider="b",outcome="fault"}', 2],
    ['gateway_budget_overrun_nanodollars_total', 2e9],
  ]),
};

describe('judge', () => {
  it.each<[Objective, boolean]>([
    [{ check: 'errors', max: 1, fromMs: 0, toMs: END }, true],
    [{ check: 'errors', max: 0, fromMs: 0, toMs: END }, false],
    [{ check: 'errors', max: 0, fromMs: 0, toMs: 5_000 }, true],
    [{ check: 'errors', max: 0, streams: true, fromMs: 0, toMs: END }, true],
    [{ check: 'availability', min: 0.34, fromMs: 0, toMs: END }, false],
    [{ check: 'availability', min: 0.33, fromMs: 0, toMs: END }, true],
    [{ check: 'availability', min: 0.5, fromMs: 50_000, toMs: END }, false],
    [{ check: 'silentlyCut', max: 0 }, true],
    [{ check: 'firstToken', percentile: 99, maxMs: 50, fromMs: 0, toMs: END }, true],
    [{ check: 'firstToken', percentile: 99, maxMs: 49, fromMs: 0, toMs: END }, false],
    [{ check: 'refusals', percentile: 99, maxMs: 5 }, true],
    [{ check: 'refusals', percentile: 99, maxMs: 4 }, false],
    [{ check: 'goodput', minPerSecond: 1, fromMs: 1_000, toMs: 2_000 }, true],
    [{ check: 'goodput', minPerSecond: 0.2, fromMs: 0, toMs: END }, false],
    [{ check: 'breakerOpened', upstream: 'a', afterMs: 1_500, withinMs: 500 }, true],
    [{ check: 'breakerOpened', upstream: 'a', afterMs: 1_500, withinMs: 499 }, false],
    [{ check: 'breakerOpened', upstream: 'a', afterMs: 2_500, withinMs: END }, false],
    [{ check: 'breakerClosedAtEnd', upstream: 'a' }, true],
    [{ check: 'breakerClosedAtEnd', upstream: 'b' }, false],
    [{ check: 'usedAgain', upstream: 'a', afterMs: 500, withinMs: 500 }, true],
    [{ check: 'usedAgain', upstream: 'a', afterMs: 2_000, withinMs: END }, false],
    [{ check: 'attempts', maxPerRequest: 2 }, true],
    [{ check: 'attempts', maxPerRequest: 1.9 }, false],
    [{ check: 'failedAttempts', upstream: 'a', max: 3 }, true],
    [{ check: 'failedAttempts', upstream: 'a', max: 2 }, false],
    [{ check: 'overrun', maxUsd: 2 }, true],
    [{ check: 'overrun', maxUsd: 1 }, false],
  ])('holds %j against what was seen: kept %s', (objective, kept) => {
    expect(judge([objective], evidence)[0]?.kept).toBe(kept);
  });

  it('counts an answer that ends early without an error as cut', () => {
    const cut = { ...evidence, calls: [aCall({ outcome: 'lost', status: 200 })] };
    expect(judge([{ check: 'silentlyCut', max: 0 }], cut)[0]).toMatchObject({ kept: false, found: '1' });
  });
});
