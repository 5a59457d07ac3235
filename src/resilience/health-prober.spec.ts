import { describe, expect, it } from 'vitest';
import { RunnerBench } from '../../test/support/runner-bench.js';
import { body, refusal, silence } from '../../test/support/fake-network.js';
import { type ProviderCatalog } from '../providers/catalog.js';
import { OpenAiAdapter } from '../providers/openai/openai-adapter.js';
import { HealthProber } from './health-prober.js';
import { ProviderHealth } from './provider-health.js';

const PROBED = { enabled: true, intervalMs: 1_000, timeoutMs: 500 };

async function probing(probe: object | null = PROBED) {
  const bench = await RunnerBench.of([{ name: 'a', ...(probe && { probe }) }], {
    breaker: { consecutiveFaults: 1, openMs: 8_000 },
  });
  const kind = { adapter: new OpenAiAdapter(), transport: bench.network, needsBaseUrl: true };
  const prober = new HealthProber(bench.config, { get: () => kind } as unknown as ProviderCatalog, bench.clock);
  const health = new ProviderHealth(bench.config, bench.states, prober, bench.clock);
  const start = async (): Promise<void> => {
    prober.onModuleInit();
    health.onModuleInit();
    await bench.clock.advance(0);
  };
  return { bench, prober, health, start };
}

describe('HealthProber', () => {
  it('takes any 2xx for healthy, whatever the body says', async () => {
    const { bench, prober, start } = await probing();
    bench.network.script('a', body('not JSON'));
    await start();
    expect(prober.result('a')).toMatchObject({ healthy: true });
    expect(bench.network.calls).toMatchObject([{ method: 'GET', path: '/models' }]);
  });

  it('asks again after the interval, and stops when it is told', async () => {
    const { bench, prober, health, start } = await probing();
    await start();
    await bench.clock.advance(1_000);
    expect(bench.network.calls).toHaveLength(2);
    prober.onModuleDestroy();
    health.onModuleDestroy();
    expect(bench.clock.pending).toBe(0);
  });

  it('takes an error and silence for unhealthy', async () => {
    const { bench, prober, start } = await probing();
    bench.network.script('a', refusal(503), silence);
    await start();
    expect(prober.result('a')).toMatchObject({ healthy: false });
    await bench.clock.advance(1_000);
    expect(bench.network.calls[1]).toMatchObject({ aborted: false });
    await bench.clock.advance(500);
    expect(bench.network.calls[1]).toMatchObject({ aborted: true });
    expect(prober.result('a')).toMatchObject({ healthy: false });
  });

  it('asks a configured path below the origin', async () => {
    const { bench, start } = await probing({ ...PROBED, path: '/health' });
    await start();
    expect(bench.network.calls[0]).toMatchObject({ path: '//health' });
  });

  it('leaves hosted providers alone unless it is told to ask them', async () => {
    const { bench, prober, start } = await probing(null);
    await start();
    expect(bench.network.calls).toEqual([]);
    expect(prober.result('a')).toBeUndefined();
  });
});

describe('ProviderHealth', () => {
  it('could serve nothing once every probe has failed for more than 5 s, and again after the first success', async () => {
    const { bench, health, start } = await probing();
    bench.network.script('a', refusal(503));
    await start();
    expect(health.isUp('a')).toBe(false);
    await bench.clock.advance(5_000);
    expect(health.couldServe).toBe(true);
    await bench.clock.advance(1_000);
    expect(health.couldServe).toBe(false);
    bench.network.script('a', body('{}'));
    await bench.clock.advance(1_000);
    expect(health.couldServe).toBe(true);
  });

  it('takes breakers for word where there are no probes, until they let a request through', async () => {
    const { bench, health, start } = await probing(null);
    await start();
    const { breaker } = bench.state('a');
    breaker.record(breaker.tryAcquire(1_000), 'fault');
    expect(health.isUp('a')).toBe(false);
    await bench.clock.advance(6_000);
    expect(health.couldServe).toBe(false);
    await bench.clock.advance(2_000);
    expect([health.isUp('a'), health.couldServe]).toEqual([true, true]);
  });

  it('believes a probe that succeeded after the breaker opened', async () => {
    const { bench, health, start } = await probing();
    await start();
    await bench.clock.advance(100);
    const { breaker } = bench.state('a');
    breaker.record(breaker.tryAcquire(1_000), 'fault');
    expect(health.isUp('a')).toBe(false);
    await bench.clock.advance(1_000);
    expect(breaker.state).toBe('open');
    expect(health.isUp('a')).toBe(true);
  });
});
