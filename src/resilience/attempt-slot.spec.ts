import { describe, expect, it } from 'vitest';
import { RunnerBench } from '../../test/support/runner-bench.js';
import { UpstreamFailure } from '../kernel/upstream.js';
import { AttemptSlot } from './attempt-slot.js';
import { type TargetState } from './target-state.js';

const TIMEOUT_MS = 60_000;
const FAULT = new UpstreamFailure('fault', 'reset', 'same');

async function target(limit = 1): Promise<{ state: TargetState; bench: RunnerBench }> {
  const bench = await RunnerBench.of([{ name: 'a', limit }], { breaker: { consecutiveFaults: 1, openMs: 1_000 } });
  return { state: bench.state('a'), bench };
}

function take(state: TargetState, again = false, forced = false): AttemptSlot {
  const slot = AttemptSlot.take(state, TIMEOUT_MS, again, forced);
  if (!(slot instanceof AttemptSlot)) throw new Error(slot);
  return slot;
}

describe('AttemptSlot', () => {
  it('holds a place in the limit until it is released, once', async () => {
    const { state } = await target(2);
    const slot = take(state);
    take(state);
    expect(AttemptSlot.take(state, TIMEOUT_MS, false)).toBe('full');
    slot.release(undefined, 10, 20);
    slot.release(undefined, 10, 20);
    expect(state.limiter.inFlight).toBe(1);
  });

  it('takes no place where the breaker is open, and says so even of a full target', async () => {
    const { state } = await target(2);
    take(state);
    take(state).release(FAULT, undefined, 5);
    expect(AttemptSlot.take(state, TIMEOUT_MS, false)).toBe('open');
    take(state, false, true);
    expect(AttemptSlot.take(state, TIMEOUT_MS, false)).toBe('open');
    expect(state.limiter.inFlight).toBe(2);
  });

  it('is refused while the target cools, except to whom the target told to come back', async () => {
    const { state, bench } = await target(2);
    const throttle = new UpstreamFailure('throttle', 'throttled', 'same', { headers: { 'retry-after': '2' } });
    take(state).release(throttle, undefined, 5);
    expect(AttemptSlot.take(state, TIMEOUT_MS, false)).toBe('cooling');
    take(state, true).release(undefined, 1, 1);
    await bench.clock.advance(2_000);
    take(state).release(undefined, 1, 1);
  });

  it('goes past nobody who waits already', async () => {
    const { state } = await target(2);
    take(state);
    const entry = state.queue.offer({
      keyId: 'k',
      band: 1,
      tokens: 1,
      bytes: 1,
      remainingMs: 10_000,
      admit: () => undefined,
      refuse: () => undefined,
    });
    expect(entry).toHaveProperty('queued', true);
    expect(AttemptSlot.take(state, TIMEOUT_MS, false)).toBe('full');
  });

  it('gives the place of a waiter back where the target has shut since', async () => {
    const { state } = await target(2);
    take(state).release(FAULT, undefined, 5);
    expect(state.limiter.tryAcquire()).toBe(true);
    expect(AttemptSlot.admitted(state, TIMEOUT_MS, false)).toBe('open');
    expect(state.limiter.inFlight).toBe(0);
  });
});
