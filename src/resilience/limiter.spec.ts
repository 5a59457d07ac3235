import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { AimdLimit } from './aimd-limit.js';
import { createLimiter } from './create-limiter.js';
import { FixedLimit } from './fixed-limit.js';
import { Gradient2Limit } from './gradient2-limit.js';
import { type LimitAlgorithm, Limiter, type LimiterOutcome } from './limiter.js';

const BOUNDS = { initial: 20, min: 4, max: 512 };

/** Seconds of load: in each, `inFlight` are running and `samples` first tokens come after `ttftMs`. */
function feed(limit: LimitAlgorithm, clock: ManualClock, seconds: number, load: Partial<Load> = {}): void {
  const { samples = 20, ttftMs = 100, prompt = 400 } = load;
  for (let second = 0; second < seconds; second++) {
    const inFlight = load.inFlight ?? limit.limit;
    limit.started(inFlight);
    for (let n = 0; n < samples; n++) {
      clock.advanceSync(1_000 / samples);
      limit.firstToken(ttftMs, prompt, inFlight);
    }
  }
}
interface Load {
  inFlight: number;
  samples: number;
  ttftMs: number;
  prompt: number;
}

describe('Limiter', () => {
  it('admits up to the limit and again after a release', () => {
    const limiter = new Limiter(new FixedLimit(new ManualClock(), { initial: 2, min: 1, max: 2 }));
    expect([limiter.tryAcquire(), limiter.tryAcquire(), limiter.tryAcquire()]).toEqual([true, true, false]);
    limiter.release('done');
    expect(limiter.tryAcquire()).toBe(true);
  });

  it('chooses Gradient2 for engines that we own and AIMD for hosted ones', () => {
    const clock = new ManualClock();
    const auto = { ...BOUNDS, limiter: 'auto' } as const;
    expect(createLimiter(clock, auto, 'selfHosted').algorithm).toBeInstanceOf(Gradient2Limit);
    expect(createLimiter(clock, auto, 'hosted').algorithm).toBeInstanceOf(AimdLimit);
    expect(createLimiter(clock, { ...auto, limiter: 'fixed' }, 'hosted').algorithm).toBeInstanceOf(FixedLimit);
  });

  it('keeps its count and its bounds whatever happens, and comes back to 0', () => {
    const algorithm = fc.constantFrom('fixed', 'gradient', 'aimd');
    const step = fc.record({
      acquire: fc.boolean(),
      outcome: fc.constantFrom<LimiterOutcome>('done', 'overload'),
      ms: fc.integer({ min: 0, max: 2_000 }),
      ttftMs: fc.integer({ min: 0, max: 60_000 }),
      prompt: fc.integer({ min: 0, max: 200_000 }),
      cooled: fc.boolean(),
    });
    fc.assert(
      fc.property(algorithm, fc.array(step, { maxLength: 300 }), (name, steps) => {
        const clock = new ManualClock();
        const limiter = createLimiter(clock, { ...BOUNDS, limiter: name }, 'hosted');
        let running = 0;
        for (const { acquire, outcome, ms, ttftMs, prompt, cooled } of steps) {
          clock.advanceSync(ms);
          if (acquire) running += limiter.tryAcquire() ? 1 : 0;
          else if (running > 0) {
            running--;
            limiter.firstToken(ttftMs, prompt);
            limiter.release(outcome);
          }
          if (cooled) limiter.coolDownEnded();
          expect(limiter.inFlight).toBe(running);
          expect(limiter.limit).toBeGreaterThanOrEqual(1);
          expect(limiter.limit).toBeLessThanOrEqual(BOUNDS.max);
          expect(Number.isInteger(limiter.limit)).toBe(true);
        }
        for (; running > 0; running--) limiter.release('done');
        expect(limiter.inFlight).toBe(0);
      }),
    );
  });
});

describe('Gradient2Limit', () => {
  const setUp = () => {
    const clock = new ManualClock();
    return { clock, limit: new Gradient2Limit(clock, BOUNDS) };
  };

  it('grows while TTFT is steady and the limit is used', () => {
    const { clock, limit } = setUp();
    feed(limit, clock, 50);
    expect(limit.limit).toBe(60);
  });

  it('does not grow while less than half is in use', () => {
    const { clock, limit } = setUp();
    feed(limit, clock, 50, { inFlight: 9 });
    expect(limit.limit).toBe(20);
  });

  it('falls when TTFT rises, to no less than its minimum', () => {
    const { clock, limit } = setUp();
    feed(limit, clock, 60);
    const before = limit.limit;
    feed(limit, clock, 5, { ttftMs: 1_000 });
    expect(limit.limit).toBeLessThan(0.75 * before);
    for (let n = 0; n < 60; n++) {
      clock.advanceSync(1_000);
      limit.overloaded(limit.limit);
    }
    expect(limit.limit).toBe(4);
  });

  it('takes a rise of half for normal', () => {
    const { clock, limit } = setUp();
    feed(limit, clock, 30);
    const before = limit.limit;
    feed(limit, clock, 10, { ttftMs: 150 });
    expect(limit.limit).toBeGreaterThanOrEqual(before);
  });

  it('waits for ten samples, however long', () => {
    const { clock, limit } = setUp();
    feed(limit, clock, 9, { samples: 1 });
    expect(limit.limit).toBe(20);
    feed(limit, clock, 11, { samples: 1 });
    expect(limit.limit).toBe(21);
  });

  it('leaves prompts beyond four times the median out', () => {
    const { clock, limit } = setUp();
    feed(limit, clock, 30);
    const before = limit.limit;
    for (let second = 0; second < 20; second++) {
      limit.started(limit.limit);
      for (let n = 0; n < 20; n++) {
        clock.advanceSync(50);
        if (n % 3) limit.firstToken(100, 400, limit.limit);
        else limit.firstToken(20_000, 50_000, limit.limit);
      }
    }
    expect(limit.limit).toBeGreaterThan(before);
  });

  it('is unmoved by attempts that end without a first token: clients that cancel', () => {
    const { clock, limit } = setUp();
    const limiter = new Limiter(limit);
    for (let n = 0; n < 1_000; n++) {
      limiter.tryAcquire();
      clock.advanceSync(100);
      limiter.release('done');
    }
    expect([limiter.limit, limiter.inFlight]).toEqual([20, 0]);
  });

  it('decreases once per second on overload answers, from what was in use', () => {
    const { clock, limit } = setUp();
    for (let n = 0; n < 10; n++) limit.overloaded(10);
    expect(limit.limit).toBe(9);
    clock.advanceSync(1_000);
    limit.overloaded(9);
    expect(limit.limit).toBe(8);
  });

  it('halves after a cool-down and then grows by at most one per window', () => {
    const { clock, limit } = setUp();
    limit.coolDownEnded();
    expect(limit.limit).toBe(10);
    feed(limit, clock, 5);
    expect(limit.limit).toBeLessThanOrEqual(15);
    expect(limit.limit).toBeGreaterThan(10);
  });
});

describe('AimdLimit', () => {
  const bounds = { initial: 256, min: 4, max: 256 };

  it('starts at its initial value, falls once per second and regains one per second in use', () => {
    const clock = new ManualClock();
    const limit = new AimdLimit(clock, bounds);
    for (let n = 0; n < 100; n++) limit.overloaded(100);
    expect(limit.limit).toBe(90);
    clock.advanceSync(1_000);
    limit.started(90);
    clock.advanceSync(1_000);
    limit.started(90);
    clock.advanceSync(1_000);
    limit.started(90);
    expect(limit.limit).toBe(92);
  });

  it('does not grow while less than half is used, nor above its maximum', () => {
    const clock = new ManualClock();
    const limit = new AimdLimit(clock, bounds);
    limit.overloaded(100);
    for (let n = 0; n < 10; n++) {
      clock.advanceSync(1_000);
      limit.started(44);
    }
    expect(limit.limit).toBe(90);
    for (let n = 0; n < 500; n++) {
      clock.advanceSync(1_000);
      limit.started(250);
    }
    expect(limit.limit).toBe(256);
  });

  it('keeps refusals of a quota of 40 below 5 % at twice the load, at nearly the whole goodput', () => {
    const clock = new ManualClock();
    const limiter = new Limiter(new AimdLimit(clock, bounds));
    let accepted = 0;
    let throttled = 0;
    let upstream = 0;
    for (let tick = 0; tick < 6_000; tick++) {
      // 8 offers per 100 ms, each taking 1 s: 80 concurrent where 40 fit.
      for (let n = 0; n < 8; n++) {
        if (!limiter.tryAcquire()) continue;
        if (upstream >= 40) {
          limiter.release('overload');
          if (tick > 300) throttled++;
          continue;
        }
        upstream++;
        if (tick > 300) accepted++;
        clock.after(1_000, () => {
          upstream--;
          limiter.release('done');
        });
      }
      clock.advanceSync(100);
    }
    expect(throttled / (throttled + accepted)).toBeLessThan(0.05);
    expect(accepted).toBeGreaterThan(0.9 * 40 * 569);
  });

  it('halves after a cool-down', () => {
    const limit = new AimdLimit(new ManualClock(), bounds);
    limit.coolDownEnded();
    expect(limit.limit).toBe(128);
  });
});

describe('FixedLimit', () => {
  it('comes back from a cool-down at half, plus one per second', () => {
    const clock = new ManualClock();
    const limit = new FixedLimit(clock, { initial: 8, min: 1, max: 8 });
    limit.coolDownEnded();
    expect(limit.limit).toBe(4);
    clock.advanceSync(2_500);
    expect(limit.limit).toBe(6);
    clock.advanceSync(60_000);
    expect(limit.limit).toBe(8);
    limit.configure({ initial: 12, min: 1, max: 12 });
    expect(limit.limit).toBe(12);
  });
});
