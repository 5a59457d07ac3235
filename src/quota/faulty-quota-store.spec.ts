import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { type StoreFault, StoreFaults } from '../kernel/store-faults.js';
import { FaultyQuotaStore } from './faulty-quota-store.js';
import { type RemoteQuotaStore } from './remote-quota-store.js';

function setUp(fault: StoreFault | undefined) {
  const clock = new ManualClock();
  const faults = new StoreFaults();
  if (fault) faults.draw = () => fault;
  let calls = 0;
  const store = { sweep: () => Promise.resolve(++calls) } as unknown as RemoteQuotaStore;
  return { clock, faulty: new FaultyQuotaStore(store, faults, clock), calls: () => calls };
}

describe('FaultyQuotaStore', () => {
  it('sends every command on while nothing stands in the way', async () => {
    const { faulty, clock } = setUp(undefined);
    expect(await faulty.sweep(['org'])).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it('fails a command without sending it', async () => {
    const { faulty, calls } = setUp({ type: 'redis_error' });
    await expect(faulty.sweep(['org'])).rejects.toThrow('injected');
    expect(calls()).toBe(0);
  });

  it('holds a command back for its time', async () => {
    const { faulty, calls, clock } = setUp({ type: 'redis_latency', ms: 70 });
    const swept = faulty.sweep(['org']);
    await clock.advance(69);
    expect(calls()).toBe(0);
    await clock.advance(1);
    expect(await swept).toBe(1);
  });

  it('leaves a command unanswered for longer than anybody waits, but not for ever', async () => {
    const { faulty, calls, clock } = setUp({ type: 'redis_timeout' });
    const swept = faulty.sweep(['org']);
    const outcome = expect(swept).rejects.toThrow('did not answer');
    await clock.advance(10_000);
    await outcome;
    expect(calls()).toBe(0);
  });
});
