import { describe, expect, it, vi } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { IdleWatch } from './idle-watch.js';

function watched() {
  const clock = new ManualClock();
  const onIdle = vi.fn();
  return { clock, onIdle, watch: new IdleWatch(1_000, clock, onIdle) };
}

describe('IdleWatch', () => {
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
