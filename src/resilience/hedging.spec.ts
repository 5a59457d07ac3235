import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { answer, openStream, refusal, silence } from '../../test/support/fake-network.js';
import { type BenchProvider, type BenchRun, RunnerBench } from '../../test/support/runner-bench.js';
import { hedgeEnded, type HedgeOutcome } from '../kernel/channels.js';

const A: BenchProvider = { name: 'a', hosting: 'selfHosted' };
const B: BenchProvider = { name: 'b', hosting: 'selfHosted' };
const STREAM = { body: { stream: true } };
/** p95 of what the bench records is this, within the sketch's 5 %. */
const TTFT_MS = 800;
const BEFORE_DELAY_MS = 750;
const AFTER_DELAY_MS = 850;

const outcomes: HedgeOutcome[] = [];
let forget: () => void;
beforeEach(() => {
  outcomes.length = 0;
  forget = hedgeEnded.subscribe(({ outcome }) => outcomes.push(outcome));
});
afterEach(() => forget());

/** A bench on which the first request may be hedged. */
async function benchOf(providers: readonly BenchProvider[], hedging: object = {}, resilience: object = {}) {
  const bench = await RunnerBench.of(providers, {
    ...resilience,
    hedging: { enabled: true, minSamples: 10, budgetRatio: 1, ...hedging },
  });
  for (let sample = 0; sample < 10; sample++) bench.state('a').latency.recordTtft(TTFT_MS);
  return bench;
}

const inFlight = (bench: RunnerBench): number[] => ['a', 'b'].map((provider) => bench.state(provider).limiter.inFlight);

function answeredBy({ ctx }: BenchRun): string | undefined {
  return ctx.answeredBy?.target.provider.name;
}

describe('a first token that is late', () => {
  it('is hedged by an equal after p95 of first tokens; the faster answers, the other is let go of at once', async () => {
    const bench = await benchOf([A, B]);
    bench.network.script('a', silence).script('b', openStream('from b'));
    const run = bench.start(STREAM);
    await bench.clock.advance(BEFORE_DELAY_MS);
    expect(bench.network.providers).toEqual(['a']);
    await bench.clock.advance(AFTER_DELAY_MS - BEFORE_DELAY_MS);
    expect(bench.network.providers).toEqual(['a', 'b']);
    expect(run.result).toHaveProperty('first');
    expect(answeredBy(run)).toBe('b');
    expect(bench.network.calls[0]?.aborted).toBe(true);
    expect(inFlight(bench)).toEqual([0, 1]);
    expect(outcomes).toEqual(['won']);
    expect(run.ctx.attempts).toMatchObject([
      { kind: 'first', outcome: 'ignored', reason: 'cancelled' },
      { kind: 'hedge', outcome: undefined },
    ]);
    run.ctx.close();
    expect(inFlight(bench)).toEqual([0, 0]);
    expect(bench.clock.pending).toBe(0);
  });

  it('lets the first attempt answer when it is faster after all', async () => {
    const bench = await benchOf([A, B]);
    bench.network.script('a', answer('from a', 1_500)).script('b', silence);
    const run = bench.start();
    await bench.clock.advance(1_500);
    expect(answeredBy(run)).toBe('a');
    expect(bench.network.calls[1]?.aborted).toBe(true);
    expect(outcomes).toEqual(['lost']);
    expect(inFlight(bench)).toEqual([0, 0]);
    run.ctx.close();
    expect(bench.clock.pending).toBe(0);
  });

  it('counts as slow although it was never waited for, so that the delay does not shrink', async () => {
    const bench = await benchOf([A, B]);
    bench.network.script('a', silence).script('b', openStream());
    const run = bench.start(STREAM);
    await bench.clock.advance(AFTER_DELAY_MS);
    expect(bench.state('a').latency.ttftCount()).toBe(11);
    run.ctx.close();
  });

  it('says nothing against its target: the breaker and the limit stay', async () => {
    const bench = await benchOf([A, B], {}, { breaker: { consecutiveFaults: 1 } });
    const { limit } = bench.state('a').limiter;
    bench.network.script('a', silence).script('b', openStream());
    const run = bench.start(STREAM);
    await bench.clock.advance(AFTER_DELAY_MS);
    run.ctx.close();
    expect(bench.state('a').breaker.state).toBe('closed');
    expect(bench.state('a').limiter.limit).toBe(limit);
  });
});

describe('a hedge that fails', () => {
  it('leaves the answer to the first attempt', async () => {
    const bench = await benchOf([A, B]);
    bench.network.script('a', answer('from a', 1_500)).script('b', refusal(500));
    const run = bench.start();
    await bench.clock.advance(1_500);
    expect(answeredBy(run)).toBe('a');
    expect(outcomes).toEqual(['failed']);
    expect(bench.network.providers).toEqual(['a', 'b']);
    run.ctx.close();
  });

  it('counts as an attempt: when both fail, a third target is the last try', async () => {
    const bench = await benchOf([A, B, { name: 'c' }, { name: 'd' }]);
    bench.network.script('a', (exchange, clock) => void clock.after(1_500, () => refusal(500)(exchange, clock)));
    bench.network.script('b', refusal(500)).script('c', refusal(500)).script('d', answer());
    const run = bench.start();
    await bench.clock.advance(3_000);
    expect(run.result).toMatchObject({ code: 'upstream_error' });
    expect(bench.network.providers).toEqual(['a', 'b', 'c']);
    run.ctx.close();
    expect(bench.clock.pending).toBe(0);
  });

  it('leaves a first attempt that fails to it: nothing else is begun meanwhile', async () => {
    const bench = await benchOf([A, B]);
    bench.network.script('a', (exchange, clock) => void clock.after(1_200, () => refusal(500)(exchange, clock)));
    bench.network.script('b', answer('from b', 1_000));
    const run = bench.start();
    await bench.clock.advance(2_200);
    expect(answeredBy(run)).toBe('b');
    expect(bench.network.providers).toEqual(['a', 'b']);
    expect(outcomes).toEqual(['won']);
    run.ctx.close();
  });
});

describe('no hedge is started', () => {
  const cases: Record<string, () => Promise<{ bench: RunnerBench; run: BenchRun }>> = {
    'where hedging is off': async () => started(await benchOf([A, B], { enabled: false })),
    'at a target of another tier': async () => started(await benchOf([A, { ...B, tier: 1 }])),
    'where it would bill': async () => started(await benchOf([A, { name: 'b' }])),
    'for several choices': async () => started(await benchOf([A, B]), { stream: true, n: 2 }),
    'before enough is known': async () => started(await benchOf([A, B], { minSamples: 11 })),
    'beyond its share of the requests': async () => started(await benchOf([A, B], { budgetRatio: 0.05 })),
    'where the target has no retries left': async () => {
      const bench = await benchOf([A, B]);
      while (bench.state('b').retryBudget.trySpend());
      return started(bench);
    },
    'while the process is short of room': async () => {
      const bench = await benchOf([A, B]);
      bench.load.level = 1;
      return started(bench);
    },
  };
  function started(bench: RunnerBench, body: object = { stream: true }): { bench: RunnerBench; run: BenchRun } {
    bench.network.script('a', silence).script('b', openStream());
    return { bench, run: bench.start({ body }) };
  }
  for (const [name, start] of Object.entries(cases)) {
    it(name, async () => {
      const { bench, run } = await start();
      await bench.clock.advance(AFTER_DELAY_MS);
      expect(bench.network.providers).toEqual(['a']);
      run.ctx.close();
      expect(bench.clock.pending).toBe(0);
    });
  }

  it('once there is content: the stream is its own', async () => {
    const bench = await benchOf([A, B]);
    bench.network.script('a', openStream());
    const run = bench.start(STREAM);
    await bench.clock.advance(5_000);
    expect(bench.network.providers).toEqual(['a']);
    run.ctx.close();
  });
});

describe('while two attempts run', () => {
  async function both(): Promise<{ bench: RunnerBench; run: BenchRun }> {
    const bench = await benchOf([A, B]);
    bench.network.script('a', silence).script('b', silence);
    const run = bench.start({ ...STREAM, timeoutMs: 3_000 });
    await bench.clock.advance(AFTER_DELAY_MS);
    expect(bench.network.providers).toEqual(['a', 'b']);
    return { bench, run };
  }

  it('a caller that leaves ends both', async () => {
    const { bench, run } = await both();
    run.ctx.close();
    await bench.clock.advance(0);
    expect(bench.network.calls.map(({ aborted }) => aborted)).toEqual([true, true]);
    expect(inFlight(bench)).toEqual([0, 0]);
    expect(bench.clock.pending).toBe(0);
  });

  it('the deadline ends both', async () => {
    const { bench, run } = await both();
    await bench.clock.advance(3_000 - AFTER_DELAY_MS);
    expect(run.result).toMatchObject({ code: 'deadline_exceeded' });
    expect(bench.network.calls.map(({ aborted }) => aborted)).toEqual([true, true]);
    run.ctx.close();
    expect(bench.clock.pending).toBe(0);
  });
});
