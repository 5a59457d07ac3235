import { afterEach, describe, expect, it } from 'vitest';
import { refusal, silence } from '../../test/support/fake-network.js';
import { RunnerBench } from '../../test/support/runner-bench.js';
import { providerWarmed, type WarmUpFact } from '../kernel/channels.js';
import { type ProviderCatalog } from '../providers/catalog.js';
import { OpenAiAdapter } from '../providers/openai/openai-adapter.js';
import { WarmUp } from './warm-up.js';

const AFTER_MS = 60_000;

describe('WarmUp', () => {
  const told: WarmUpFact[] = [];
  const endings: (() => void)[] = [];
  afterEach(() => {
    for (const end of endings.splice(0)) end();
    told.length = 0;
  });

  async function warming(warmUpAfterIdleMs: number | null = AFTER_MS) {
    const probe = { enabled: false, warmUpAfterIdleMs };
    const bench = await RunnerBench.of([{ name: 'local', hosting: 'selfHosted', probe }]);
    const kind = { adapter: new OpenAiAdapter(), transport: bench.network, needsBaseUrl: true };
    const warmUp = new WarmUp(bench.config, { get: () => kind } as unknown as ProviderCatalog, bench.clock);
    endings.push(
      providerWarmed.subscribe((fact) => told.push(fact)),
      () => warmUp.onModuleDestroy(),
    );
    warmUp.onModuleInit();
    return { bench, warmUp };
  }

  it('asks for one token once the provider was idle for so long, and again after as long a pause', async () => {
    const { bench } = await warming();
    await bench.clock.advance(AFTER_MS - 1);
    expect(bench.network.calls).toEqual([]);
    await bench.clock.advance(1);
    expect(bench.network.calls).toMatchObject([{ method: 'POST', path: '/chat/completions' }]);
    expect(bench.network.calls[0]!.body).toMatchObject({ model: 'm', max_completion_tokens: 1 });
    expect(told).toEqual([{ provider: 'local', ok: true }]);
    await bench.clock.advance(AFTER_MS);
    expect(bench.network.calls).toHaveLength(2);
  });

  it('waits anew after each request of a caller', async () => {
    const { bench } = await warming();
    await bench.clock.advance(AFTER_MS - 10);
    await bench.run();
    await bench.clock.advance(AFTER_MS - 10);
    expect(bench.network.calls).toHaveLength(1);
    await bench.clock.advance(20);
    expect(bench.network.calls).toHaveLength(2);
  });

  it('tells of one that failed or never answered, and goes on', async () => {
    const { bench } = await warming();
    bench.network.script('local', refusal(503), silence);
    await bench.clock.advance(AFTER_MS);
    await bench.clock.advance(AFTER_MS);
    expect(told).toEqual([{ provider: 'local', ok: false }]);
    const { firstTokenMs } = bench.config.current.providers.get('local')!.timeouts;
    await bench.clock.advance(firstTokenMs);
    expect(told).toHaveLength(2);
    expect(bench.network.calls[1]).toMatchObject({ aborted: true });
  });

  it('leaves providers alone that are not to be kept warm, and stops when it is told', async () => {
    const { bench } = await warming(null);
    expect(bench.clock.pending).toBe(0);
    const kept = await warming();
    kept.warmUp.onModuleDestroy();
    expect(kept.bench.clock.pending).toBe(0);
  });
});
