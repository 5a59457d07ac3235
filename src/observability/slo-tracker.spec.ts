import { describe, expect, it } from 'vitest';
import { anEndedRequest } from '../../test/support/ended-request.js';
import { ManualClock } from '../../test/support/manual-clock.js';
import { type ConfigStore } from '../config/config-store.js';
import { EndedFacts } from './ended-facts.js';
import { burnRate, SloTracker } from './slo-tracker.js';

const clock = new ManualClock();
const config = {
  current: { slo: { availability: 0.999, firstTokenMs: 2000, firstTokenRatio: 0.95 } },
} as unknown as ConfigStore;

function statusOf(tracker: SloTracker, name: string) {
  const found = tracker.status().find(({ slo }) => slo === name);
  if (!found) throw new Error(`no objective ${name}`);
  return found;
}

describe('the SLO tracker', () => {
  it('burns at 1 where exactly the budget fails', () => {
    expect(burnRate(999, 1, 0.999)).toBeCloseTo(1);
    expect(burnRate(0, 0, 0.999)).toBe(0);
  });

  it('counts bad requests against availability, and leaves the excluded ones out', () => {
    const tracker = new SloTracker(config, clock, new EndedFacts(clock));
    tracker.judge(anEndedRequest({ end: 'completed', status: 200 }));
    tracker.judge(anEndedRequest({ end: 'failed', status: 502, code: 'upstream_error' }));
    tracker.judge(anEndedRequest({ end: 'refused', status: 429, code: 'rate_limit_exceeded' }));
    const { windows, errorBudgetRemaining } = statusOf(tracker, 'availability');
    expect(windows['5m']).toMatchObject({ good: 1, bad: 1 });
    expect(windows['5m'].burnRate).toBeCloseTo(500);
    expect(errorBudgetRemaining).toBeCloseTo(-499);
    expect(statusOf(tracker, 'critical').windows['3d']).toMatchObject({ good: 0, bad: 0 });
  });

  it('allows the band critical half the errors', () => {
    const tracker = new SloTracker(config, clock, new EndedFacts(clock));
    tracker.judge(anEndedRequest({ end: 'failed', status: 500, code: 'internal_error' }, { priority: 'critical' }));
    expect(statusOf(tracker, 'critical').objective).toBeCloseTo(0.9995);
    expect(statusOf(tracker, 'critical').windows['1h']).toMatchObject({ good: 0, bad: 1 });
  });
});
