import { describe, expect, it, vi } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { AttemptWatch, type Bound } from './attempt-watch.js';

function watching(firstMs: number, totalMs: number) {
  const clock = new ManualClock();
  const passed: Bound[] = [];
  return {
    clock,
    passed,
    watch: new AttemptWatch(firstMs, clock.now() + totalMs, clock, (bound) => passed.push(bound)),
  };
}

describe('the watch of an attempt', () => {
  it('tells when no content has come in time', () => {
    const { clock, passed } = watching(1_000, 5_000);
    clock.advanceSync(999);
    expect(passed).toEqual([]);
    clock.advanceSync(1);
    expect([passed, clock.pending]).toEqual([['first'], 0]);
  });

  it('tells of the deadline where that comes first, or has passed', () => {
    for (const totalMs of [400, 0, -50]) {
      const { clock, passed } = watching(1_000, totalMs);
      clock.advanceSync(Math.max(0, totalMs));
      expect(passed).toEqual(['deadline']);
    }
  });

  it('tells of the deadline however lively a stream is', () => {
    const { clock, passed, watch } = watching(1_000, 5_000);
    watch.streaming(300);
    for (let event = 0; event < 49; event++) {
      watch.waiting();
      clock.advanceSync(100);
    }
    expect(passed).toEqual([]);
    clock.advanceSync(100);
    expect([passed, clock.pending]).toEqual([['deadline'], 0]);
  });
});

/** Of a stream whose first content is in hand. */
function watched() {
  const clock = new ManualClock();
  const onIdle = vi.fn<(bound: Bound) => void>();
  const watch = new AttemptWatch(10, Infinity, clock, onIdle);
  watch.streaming(1_000);
  return { clock, onIdle, watch };
}

describe('the watch of a stream', () => {
  it('tells when a consumer has waited the whole time', () => {
    const { clock, onIdle, watch } = watched();
    clock.advanceSync(400);
    watch.waiting();
    clock.advanceSync(999);
    expect(onIdle).not.toHaveBeenCalled();
    clock.advanceSync(1);
    expect(onIdle).toHaveBeenCalledOnce();
    expect(clock.pending).toBe(0);
  });

  it('starts over with every event', () => {
    const { clock, onIdle, watch } = watched();
    for (let event = 0; event < 20; event++) {
      watch.waiting();
      clock.advanceSync(900);
    }
    expect(onIdle).not.toHaveBeenCalled();
    clock.advanceSync(100);
    expect(onIdle).toHaveBeenCalledOnce();
  });

  it('does not count the time of a consumer that does not read', () => {
    const { clock, onIdle, watch } = watched();
    watch.waiting();
    watch.served();
    clock.advanceSync(60_000);
    expect(onIdle).not.toHaveBeenCalled();
  });

  it('keeps one timer, and none after it was stopped', () => {
    const { clock, onIdle, watch } = watched();
    for (let event = 0; event < 5; event++) watch.waiting();
    expect(clock.pending).toBe(1);
    watch.stop();
    clock.advanceSync(5_000);
    expect(clock.pending).toBe(0);
    expect(onIdle).not.toHaveBeenCalled();
  });
});
