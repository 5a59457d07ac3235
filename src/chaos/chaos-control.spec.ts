import { afterEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { aRequestContext } from '../../test/support/request-context.js';
import { type Experiment, type Fault } from '../config/chaos-experiment.js';
import { type ConfigStore } from '../config/config-store.js';
import { requestOpened } from '../kernel/channels.js';
import { StoreFaults } from '../kernel/store-faults.js';
import { ProviderCatalog } from '../providers/catalog.js';
import { ChaosControl } from './chaos-control.js';

let control: ChaosControl | undefined;
afterEach(() => control?.onModuleDestroy());

function setUp(experiments: readonly object[] = [], enabled = true) {
  const clock = new ManualClock();
  const catalog = new ProviderCatalog(clock);
  const store = new StoreFaults();
  const config = { current: { chaos: { enabled, experiments } } } as unknown as ConfigStore;
  const chaos = new ChaosControl(config, catalog, store, clock);
  control = chaos;
  chaos.onModuleInit();
  return { chaos, clock, catalog, store };
}

function experiment(fault: Fault, more: Partial<Experiment> = {}): Experiment {
  return { id: 'x', fault, scope: { token: false }, percentage: 100, seed: 1, ttlMs: 2_000, ...more };
}

const LATE: Fault = { type: 'latency', ms: 1, deviationMs: 0 };

describe('ChaosControl', () => {
  it('puts faults in place for as long as an experiment needs them, to the millisecond', () => {
    const { chaos, clock, catalog } = setUp();
    expect(catalog.faults).toBeUndefined();
    chaos.start(experiment(LATE), 'admin:ops');
    clock.advanceSync(1_999);
    expect(catalog.faults).toBeDefined();
    expect(chaos.list()).toMatchObject([{ id: 'x', remainingMs: 1, startedBy: 'admin:ops', hits: 0, token: null }]);
    clock.advanceSync(1);
    expect(catalog.faults).toBeUndefined();
    expect([chaos.activeCount, chaos.list(), clock.pending]).toEqual([0, [], 0]);
  });

  it('gives an experiment that is started again its whole time', () => {
    const { chaos, clock } = setUp();
    chaos.start(experiment(LATE), 'admin:ops');
    clock.advanceSync(1_500);
    chaos.start(experiment(LATE), 'admin:ops');
    clock.advanceSync(1_500);
    expect(chaos.activeCount).toBe(1);
    expect(clock.pending).toBe(1);
  });

  it('reaches the store only with faults of the store', () => {
    const { chaos, catalog, store } = setUp();
    chaos.start(experiment({ type: 'redis_error' }), 'admin:ops');
    expect(catalog.faults).toBeUndefined();
    expect(store.draw?.()).toEqual({ type: 'redis_error' });
    expect(chaos.list()).toMatchObject([{ hits: 1 }]);
    chaos.stop('x');
    expect(store.draw).toBeUndefined();
  });

  it('marks requests that open while the store or the process suffers, and no others', () => {
    const { chaos } = setUp();
    const [before, meanwhile, after] = [aRequestContext(), aRequestContext(), aRequestContext()];
    requestOpened.publish(before);
    chaos.start(experiment({ type: 'redis_error' }), 'admin:ops');
    requestOpened.publish(meanwhile);
    chaos.stopAll();
    requestOpened.publish(after);
    expect([before.chaos, meanwhile.chaos, after.chaos]).toEqual([undefined, 'x:redis_error', undefined]);
    expect(meanwhile.answerHeaders.toObject()).toEqual({ 'x-gateway-chaos': 'x:redis_error' });
  });

  it('reads tokens only for an experiment that asks for them', () => {
    const { chaos } = setUp();
    chaos.start(experiment(LATE), 'admin:ops');
    expect(chaos.readsTokens).toBe(false);
    chaos.start(experiment(LATE, { scope: { token: true } }), 'admin:ops');
    expect(chaos.readsTokens).toBe(true);
    expect(chaos.list()[0]?.token).toMatch(/^x\.\d+\.[0-9a-f]{64}$/);
  });

  it('starts what the file says, unless the file does not allow it', () => {
    const stated = { id: 'of-file', fault: LATE, ttlMs: 1_000 };
    expect(setUp([stated]).chaos.list()).toMatchObject([{ id: 'of-file', startedBy: 'file' }]);
    expect(setUp([stated], false).chaos.list()).toEqual([]);
  });

  it('leaves no timer behind', () => {
    const { chaos, clock } = setUp();
    chaos.start(experiment({ type: 'event_loop_block', ms: 1, everyMs: 500 }), 'admin:ops');
    expect(clock.pending).toBe(2);
    chaos.onModuleDestroy();
    expect(clock.pending).toBe(0);
  });
});
