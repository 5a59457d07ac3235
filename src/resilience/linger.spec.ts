import { describe, expect, it } from 'vitest';
import { openStream, silence } from '../../test/support/fake-network.js';
import { RunnerBench } from '../../test/support/runner-bench.js';
import { UpstreamFailure } from '../kernel/upstream.js';

const STREAM = { body: { stream: true } };
const drained = { name: 'a', onDisconnect: 'drain' } as const;

describe('an upstream whose caller has left', () => {
  it('is let go of at once, and everything released', async () => {
    const bench = await RunnerBench.of([{ name: 'a' }]);
    bench.network.script('a', openStream('x'));
    const { ctx } = bench.start(STREAM);
    await bench.clock.advance(0);
    ctx.close();
    expect([ctx.released, bench.network.calls[0]?.aborted]).toEqual([true, true]);
  });

  it('is read on for 10 s where its usage is worth it, then let go of', async () => {
    const bench = await RunnerBench.of([drained]);
    bench.network.script('a', openStream('x'));
    const { ctx } = bench.start(STREAM);
    await bench.clock.advance(0);
    let released = 0;
    ctx.onClose(() => released++);
    ctx.close();
    expect([ctx.closed, released, bench.state('a').limiter.inFlight]).toEqual([true, 0, 1]);
    await bench.clock.advance(9_999);
    expect([released, bench.network.calls[0]?.aborted]).toEqual([0, false]);
    await bench.clock.advance(1);
    expect([released, ctx.released, bench.network.calls[0]?.aborted]).toEqual([1, true, true]);
    expect(bench.state('a').limiter.inFlight).toBe(0);
    expect(ctx.attempts).toMatchObject([{ outcome: 'ignored', reason: 'cancelled' }]);
  });

  it('that says nothing at all is let go of, too, and nobody else is asked', async () => {
    const bench = await RunnerBench.of([drained, { name: 'b' }]);
    bench.network.script('a', silence);
    const run = bench.start(STREAM);
    await bench.clock.advance(0);
    run.ctx.close();
    await bench.clock.advance(10_000);
    expect([run.ctx.released, bench.network.providers]).toEqual([true, ['a']]);
  });

  it('is not waited for once the gateway itself has let go of it', async () => {
    const bench = await RunnerBench.of([drained]);
    bench.network.script('a', openStream('x'));
    const { ctx } = bench.start(STREAM);
    await bench.clock.advance(0);
    ctx.abort(new UpstreamFailure('ignored', 'cancelled', 'never'));
    ctx.close();
    expect(ctx.released).toBe(true);
  });
});
