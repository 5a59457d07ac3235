import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { type BreakerSettings } from '../kernel/snapshot.js';
import { Breaker, type BreakerTransition, isProbe, REFUSED } from './breaker.js';
import { type OutcomeClass } from './outcome-window.js';
import { PanicGate } from './panic-gate.js';

const SETTINGS: BreakerSettings = {
  enabled: true,
  windowMs: 30_000,
  minSamples: 20,
  failureRate: 0.5,
  throttleRate: 0.9,
  slowRate: 0.8,
  slowMs: 10_000,
  consecutiveFaults: 5,
  openMs: 3_000,
  maxOpenMs: 8_000,
  probeSuccesses: 3,
  slowStartMs: 10_000,
};
const PROBE_TIMEOUT = 30_000;

function setUp(settings: Partial<BreakerSettings> = {}) {
  // 0.5 draws the factor 1 of random(0.8, 1.2).
  const clock = new ManualClock([0.5]);
  const transitions: BreakerTransition[] = [];
  const breaker = new Breaker(clock, { ...SETTINGS, ...settings }, (transition) => transitions.push(transition));
  const attempt = (outcome: OutcomeClass, ttftMs?: number) => {
    const permit = breaker.tryAcquire(PROBE_TIMEOUT);
    if (permit !== REFUSED) breaker.record(permit, outcome, ttftMs);
    return permit;
  };
  const repeat = (times: number, outcome: OutcomeClass, ttftMs?: number) => {
    for (let n = 0; n < times; n++) attempt(outcome, ttftMs);
  };
  const reasons = () => transitions.map(({ reason }) => reason);
  return { clock, breaker, transitions, reasons, attempt, repeat };
}

describe('Breaker, closed', () => {
  it('opens at the fifth consecutive fault and refuses the sixth attempt', () => {
    const { breaker, attempt, repeat, reasons } = setUp();
    repeat(4, 'fault');
    expect(breaker.state).toBe('closed');
    attempt('fault');
    expect(breaker.state).toBe('open');
    expect(attempt('success')).toBe(REFUSED);
    expect(reasons()).toEqual(['consecutiveFaults']);
  });

  it('counts consecutive faults anew after a success', () => {
    const { breaker, attempt, repeat } = setUp();
    repeat(4, 'fault');
    attempt('success');
    repeat(4, 'fault');
    expect(breaker.state).toBe('closed');
  });

  it('forgets faults that have left the window, after idle time, too', () => {
    const { clock, breaker, attempt, repeat } = setUp({ consecutiveFaults: 100 });
    repeat(9, 'success');
    repeat(10, 'fault');
    clock.advanceSync(31_000);
    attempt('fault');
    repeat(18, 'success');
    attempt('success');
    expect(breaker.state).toBe('closed');
  });

  it('opens when half of 20 samples are faults, and not before there are 20', () => {
    const { breaker, attempt, reasons } = setUp();
    for (let n = 0; n < 19; n++) attempt(n % 2 ? 'success' : 'fault');
    expect(breaker.state).toBe('closed');
    attempt('success');
    expect(breaker.state).toBe('open');
    expect(reasons()).toEqual(['failureRate']);
  });

  it('stays closed while half the answers are throttled and half succeed', () => {
    const { clock, breaker, attempt } = setUp();
    for (let n = 0; n < 600; n++) {
      attempt(n % 2 ? 'throttle' : 'success');
      clock.advanceSync(100);
    }
    expect(breaker.state).toBe('closed');
  });

  it('stays closed under 19 of 20 throttled as long as the rest succeeds', () => {
    const { breaker, attempt } = setUp();
    for (let n = 0; n < 100; n++) attempt(n % 20 ? 'throttle' : 'success');
    expect(breaker.state).toBe('closed');
  });

  it('opens when faults and throttles together reach nine tenths', () => {
    const { reasons, repeat } = setUp();
    repeat(2, 'success');
    repeat(2, 'fault');
    repeat(16, 'throttle');
    expect(reasons()).toEqual(['throttleRate']);
  });

  it('opens when nothing but throttles comes back', () => {
    const { reasons, repeat } = setUp();
    repeat(20, 'throttle');
    expect(reasons()).toEqual(['throttleRate']);
  });

  it('opens when four fifths of the answers begin too late', () => {
    const { reasons, repeat } = setUp();
    repeat(4, 'success', 100);
    repeat(16, 'success', 10_001);
    expect(reasons()).toEqual(['slowRate']);
  });

  it('is unmoved by 1,000 attempts that are ignored: 4xx storms and clients that cancel', () => {
    const { breaker, repeat, attempt } = setUp();
    repeat(1_000, 'ignored');
    repeat(4, 'fault');
    attempt('ignored');
    expect(breaker.state).toBe('closed');
  });

  it('ignores late ends of attempts that began before it opened and closed again', () => {
    const { clock, breaker, attempt, repeat } = setUp();
    const old = Array.from({ length: 10 }, () => breaker.tryAcquire(PROBE_TIMEOUT));
    repeat(5, 'fault');
    clock.advanceSync(3_000);
    repeat(3, 'success');
    expect(breaker.state).toBe('closed');
    for (const permit of old) breaker.record(permit, 'fault');
    expect(breaker.state).toBe('closed');
    expect(isProbe(attempt('success'))).toBe(false);
  });

  it('knows nothing of other targets', () => {
    const dead = setUp();
    const alive = setUp();
    dead.repeat(5, 'fault');
    expect(dead.breaker.peek()).toBe('refuse');
    expect(alive.breaker.peek()).toBe('allow');
  });
});

describe('Breaker, half open', () => {
  function halfOpen() {
    const test = setUp();
    test.repeat(5, 'fault');
    test.clock.advanceSync(3_000);
    return test;
  }

  it('lets one probe through at a time and closes after three successes', () => {
    const { breaker, attempt, reasons } = halfOpen();
    const probe = breaker.tryAcquire(PROBE_TIMEOUT);
    expect(isProbe(probe)).toBe(true);
    expect(breaker.tryAcquire(PROBE_TIMEOUT)).toBe(REFUSED);
    expect(breaker.peek()).toBe('refuse');
    breaker.record(probe, 'success');
    attempt('success');
    expect(breaker.state).toBe('halfOpen');
    attempt('success');
    expect(breaker.state).toBe('closed');
    expect(reasons()).toEqual(['consecutiveFaults', 'openElapsed', 'probesSucceeded']);
  });

  it('frees the slot of a probe whose client left, without judging', () => {
    const { breaker } = halfOpen();
    breaker.record(breaker.tryAcquire(PROBE_TIMEOUT), 'ignored');
    expect(breaker.state).toBe('halfOpen');
    expect(isProbe(breaker.tryAcquire(PROBE_TIMEOUT))).toBe(true);
  });

  it('takes a probe that never comes back for a fault, reopening for twice as long', () => {
    const { clock, breaker, transitions } = halfOpen();
    const lost = breaker.tryAcquire(1_000);
    clock.advanceSync(1_000);
    expect(breaker.peek()).toBe('refuse');
    expect(breaker.state).toBe('open');
    expect(transitions.at(-1)).toEqual({ from: 'halfOpen', to: 'open', reason: 'probeExpired', openMs: 6_000 });
    clock.advanceSync(6_000);
    const next = breaker.tryAcquire(1_000);
    breaker.record(lost, 'success');
    expect(breaker.tryAcquire(1_000)).toBe(REFUSED);
    breaker.record(next, 'success');
    expect(breaker.peek()).toBe('probe');
  });

  it('doubles the open time up to 8 s, and starts over after a healthy minute', () => {
    const { clock, transitions, attempt, repeat } = setUp();
    const openTimes = () => transitions.filter(({ to }) => to === 'open').map(({ openMs }) => openMs);
    repeat(5, 'fault');
    for (let n = 0; n < 3; n++) {
      clock.advanceSync(10_000);
      attempt('fault');
    }
    expect(openTimes()).toEqual([3_000, 6_000, 8_000, 8_000]);
    clock.advanceSync(10_000);
    repeat(3, 'success');
    clock.advanceSync(59_000);
    repeat(5, 'fault');
    clock.advanceSync(10_000);
    repeat(3, 'success');
    clock.advanceSync(60_000);
    repeat(5, 'fault');
    expect(openTimes().slice(4)).toEqual([8_000, 3_000]);
  });

  it('spreads the open time by a fifth either way', () => {
    const spread = [0, 0.999999].map((random) => {
      let openMs = 0;
      const breaker = new Breaker(new ManualClock([random]), SETTINGS, (transition) => (openMs = transition.openMs));
      for (let n = 0; n < 5; n++) breaker.record(breaker.tryAcquire(1), 'fault');
      return Math.round(openMs);
    });
    expect(spread).toEqual([2_400, 3_600]);
  });

  it('gives the target its weight back over 10 s', () => {
    const { clock, breaker, repeat } = setUp();
    expect(breaker.weightFactor()).toBe(1);
    repeat(5, 'fault');
    expect(breaker.weightFactor()).toBe(0);
    clock.advanceSync(3_000);
    repeat(3, 'success');
    expect(breaker.weightFactor()).toBeCloseTo(0.1);
    clock.advanceSync(5_000);
    expect(breaker.weightFactor()).toBeCloseTo(0.55);
    clock.advanceSync(5_000);
    expect(breaker.weightFactor()).toBe(1);
  });
});

describe('Breaker, special openings', () => {
  it('stays out for 60 s when the account is empty, doubling to 15 min', () => {
    const { clock, breaker, transitions } = setUp();
    for (let n = 0; n < 6; n++) {
      breaker.recordInsufficientQuota(breaker.tryAcquire(PROBE_TIMEOUT));
      clock.advanceSync(900_000);
    }
    const outages = transitions.filter(({ reason }) => reason === 'insufficientQuota').map(({ openMs }) => openMs);
    expect(outages).toEqual([60_000, 120_000, 240_000, 480_000, 900_000, 900_000]);
  });

  it('counts a flight of insufficient_quota answers once, and sends no panic probe into it', () => {
    const { breaker } = setUp();
    const flight = Array.from({ length: 10 }, () => breaker.tryAcquire(PROBE_TIMEOUT));
    for (const permit of flight) breaker.recordInsufficientQuota(permit);
    expect(breaker.remainingOpenMs).toBe(60_000);
    expect(breaker.forceProbe(PROBE_TIMEOUT)).toBe(REFUSED);
  });

  it('finds a recovered upstream within 2 s when every breaker is open, and closes within 5 s', () => {
    const clock = new ManualClock([0.5]);
    const gate = new PanicGate(clock);
    const breakers = [1, 2].map(() => new Breaker(clock, SETTINGS));
    const recoveredAt = clock.now() + 60_000;
    let firstSuccess = Infinity;
    let probes = 0;
    while (breakers.some(({ state }) => state !== 'closed') || clock.now() < recoveredAt) {
      let breaker = breakers.find((one) => one.peek() !== 'refuse');
      let permit = breaker?.tryAcquire(1_000) ?? REFUSED;
      if (!breaker) {
        breaker = gate.choose(breakers);
        permit = breaker?.forceProbe(1_000) ?? REFUSED;
      }
      if (permit !== REFUSED) {
        if (isProbe(permit)) probes++;
        const up = clock.now() >= recoveredAt;
        breaker?.record(permit, up ? 'success' : 'fault');
        if (up) firstSuccess = Math.min(firstSuccess, clock.now());
      }
      if (clock.now() >= recoveredAt + 5_000) break;
      clock.advanceSync(100);
    }
    expect(firstSuccess - recoveredAt).toBeLessThanOrEqual(2_000);
    expect(breakers.some(({ state }) => state === 'closed')).toBe(true);
    expect(probes).toBeLessThan(90);
  });

  it('keeps its state over a reload, and closes when it is switched off', () => {
    const { breaker, repeat, attempt, reasons } = setUp();
    repeat(4, 'fault');
    breaker.configure({ ...SETTINGS, consecutiveFaults: 6 });
    attempt('fault');
    expect(breaker.state).toBe('closed');
    attempt('fault');
    expect(breaker.state).toBe('open');
    breaker.configure({ ...SETTINGS, enabled: false });
    expect(reasons()).toEqual(['consecutiveFaults', 'disabled']);
    repeat(50, 'fault');
    expect(breaker.state).toBe('closed');
  });
});

describe('Breaker, always', () => {
  it('never has two probes in flight and never gets stuck', () => {
    const outcome = fc.constantFrom<OutcomeClass>('success', 'fault', 'throttle', 'ignored');
    const action = fc.record({ wait: fc.integer({ min: 0, max: 5_000 }), outcome, finish: fc.boolean() });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const { clock, breaker } = setUp();
        let held: { permit: number; expires: number } | undefined;
        for (const { wait, outcome: end, finish } of actions) {
          clock.advanceSync(wait);
          const permit = breaker.tryAcquire(2_000);
          if (isProbe(permit)) {
            expect(held === undefined || clock.now() >= held.expires).toBe(true);
            held = { permit, expires: clock.now() + 2_000 };
          } else if (permit !== REFUSED) breaker.record(permit, end);
          if (finish && held) {
            breaker.record(held.permit, end);
            held = undefined;
          }
        }
        clock.advanceSync(20_000);
        breaker.peek();
        clock.advanceSync(20_000);
        expect(breaker.peek()).not.toBe('refuse');
      }),
    );
  });
});
