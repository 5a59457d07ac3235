import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { type HedgeFacts, HedgePolicy } from './hedge-policy.js';
import { LatencyTracker } from './latency-tracker.js';
import { RetryBudget } from './retry-budget.js';

const SETTINGS = { enabled: true, minDelayMs: 500, budgetRatio: 0.05, minSamples: 50, allowHosted: false };

function setUp(settings: Partial<typeof SETTINGS> = {}) {
  const clock = new ManualClock();
  const policy = new HedgePolicy(clock, { ...SETTINGS, ...settings });
  const tracker = new LatencyTracker(clock);
  const facts: HedgeFacts = {
    choices: 1,
    level: 0,
    hosting: 'selfHosted',
    breakerClosed: true,
    inFlight: 7,
    limit: 10,
    retryBudget: new RetryBudget(clock, 0.1),
  };
  return { clock, policy, tracker, facts };
}

describe('HedgePolicy', () => {
  it('waits for p95 of the last five minutes, at least 500 ms, once 50 samples are known', () => {
    const { clock, policy, tracker } = setUp();
    for (let n = 0; n < 49; n++) tracker.recordTtft(2_000);
    expect(policy.delayMs(tracker)).toBeUndefined();
    tracker.recordTtft(2_000);
    expect(policy.delayMs(tracker)! / 2_000).toBeCloseTo(1, 1);
    clock.advanceSync(400_000);
    expect(policy.delayMs(tracker)).toBeUndefined();
    for (let n = 0; n < 50; n++) tracker.recordTtft(20);
    expect(policy.delayMs(tracker)).toBe(500);
  });

  it('hedges at most one request in 20', () => {
    const { policy, facts } = setUp();
    let hedges = 0;
    for (let n = 0; n < 400; n++) {
      policy.requestStarted();
      facts.retryBudget.earn();
      if (policy.tryStart(facts)) hedges++;
    }
    expect(hedges).toBeGreaterThanOrEqual(19);
    expect(hedges).toBeLessThanOrEqual(20);
  });

  it.each<[string, Partial<HedgeFacts>]>([
    ['for several choices', { choices: 2 }],
    ['in a brown-out', { level: 1 }],
    ['on an open breaker', { breakerClosed: false }],
    ['on a limiter that is 80 % full', { inFlight: 8 }],
    ['where it bills', { hosting: 'hosted' }],
  ])('never hedges %s', (_name, changes) => {
    const { policy, facts } = setUp();
    for (let n = 0; n < 100; n++) policy.requestStarted();
    expect(policy.tryStart({ ...facts, ...changes })).toBe(false);
    expect(policy.tryStart(facts)).toBe(true);
  });

  it('hedges where it bills only when that is allowed, and not at all when off', () => {
    for (const [settings, expected] of [
      [{ allowHosted: true }, true],
      [{ enabled: false }, false],
    ] as const) {
      const { policy, facts } = setUp(settings);
      for (let n = 0; n < 40; n++) policy.requestStarted();
      expect(policy.tryStart({ ...facts, hosting: 'hosted' })).toBe(expected);
    }
  });

  it('stops when the target’s retry budget is spent, and keeps its own token', () => {
    const { clock, policy, facts } = setUp();
    for (let n = 0; n < 25; n++) policy.requestStarted();
    while (facts.retryBudget.trySpend());
    expect(policy.tryStart(facts)).toBe(false);
    clock.advanceSync(1_000);
    expect(policy.tryStart(facts)).toBe(true);
  });
});
