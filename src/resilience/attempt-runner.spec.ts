import { describe, expect, it } from 'vitest';
import { answer, body, openStream, refusal, reset, silence, stream } from '../../test/support/fake-network.js';
import { RunnerBench } from '../../test/support/runner-bench.js';
import { GatewayError } from '../kernel/gateway-error.js';
import { type Answer, UpstreamFailure } from '../kernel/upstream.js';

const A = { name: 'a' };
const B = { name: 'b' };
const SUBSTITUTE = { name: 'substitute', tier: 1 };

function textOf(result: Answer | GatewayError): string {
  if (result instanceof GatewayError) return result.code;
  const json = JSON.parse(result.first.json?.toString() ?? '{}') as { choices?: { message: { content: string } }[] };
  return json.choices?.[0]?.message.content ?? '';
}

describe('equals, targets of one tier', () => {
  const failures = {
    'a server error': refusal(500),
    'a dropped connection': reset,
    'a throttle': refusal(429),
    'a missing deployment': refusal(404),
    'rejected credentials': refusal(401),
    'HTML with status 200': body('<html></html>'),
    'truncated JSON': body('{"choices":[{"mess'),
    'an error inside a 200': body('{"error":{"message":"no","type":"server_error"}}'),
  };
  for (const [name, failure] of Object.entries(failures)) {
    it(`go over to each other at once after ${name}`, async () => {
      const bench = await RunnerBench.of([A, B]);
      bench.network.script('a', failure).script('b', answer('from b'));
      expect(textOf(await bench.run({}, 0))).toBe('from b');
      expect(bench.network.providers).toEqual(['a', 'b']);
    });
  }

  it('go over when the first token does not come in time, and let go of the silent one', async () => {
    const bench = await RunnerBench.of([{ ...A, timeouts: { firstTokenMs: 1_000 } }, B]);
    bench.network.script('a', silence).script('b', openStream('from b'));
    const run = bench.start({ body: { stream: true } });
    await bench.clock.advance(999);
    expect(bench.network.providers).toEqual(['a']);
    await bench.clock.advance(1);
    expect(bench.network.providers).toEqual(['a', 'b']);
    expect(bench.network.calls[0]?.aborted).toBe(true);
    expect(run.result).toHaveProperty('first');
    run.ctx.close();
  });

  it('are tried at most maxAttempts times together', async () => {
    const bench = await RunnerBench.of([A, B, { name: 'c' }, { name: 'd' }], { maxAttempts: 3 });
    for (const name of ['a', 'b', 'c', 'd']) bench.network.script(name, refusal(500));
    expect(textOf(await bench.run())).toBe('upstream_error');
    expect(bench.network.providers).toEqual(['a', 'b', 'c']);
  });
});

describe('a substitute, a target of a later tier', () => {
  it('is tried after one more try at the target itself', async () => {
    const bench = await RunnerBench.of([A, SUBSTITUTE]);
    bench.network.script('a', refusal(500));
    expect(textOf(await bench.run())).toBe('Hello');
    expect(bench.network.providers).toEqual(['a', 'a', 'substitute']);
  });

  it('is not needed when the second try answers', async () => {
    const bench = await RunnerBench.of([A, SUBSTITUTE]);
    bench.network.script('a', refusal(500), answer('second try'));
    expect(textOf(await bench.run())).toBe('second try');
    expect(bench.network.providers).toEqual(['a', 'a']);
  });

  it('is tried at once after silence', async () => {
    const bench = await RunnerBench.of([{ ...A, timeouts: { firstTokenMs: 1_000 } }, SUBSTITUTE]);
    bench.network.script('a', silence).script('substitute', openStream());
    await bench.run({ body: { stream: true } });
    expect(bench.network.providers).toEqual(['a', 'substitute']);
  });

  it('is tried at once where the upstream forbids another try', async () => {
    const bench = await RunnerBench.of([A, SUBSTITUTE]);
    bench.network.script('a', refusal(500, { 'x-should-retry': 'false' }));
    await bench.run({}, 0);
    expect(bench.network.providers).toEqual(['a', 'substitute']);
  });

  it('is tried at once while the process is short of room', async () => {
    const bench = await RunnerBench.of([A, SUBSTITUTE]);
    bench.load.level = 1;
    bench.network.script('a', refusal(500));
    await bench.run({}, 0);
    expect(bench.network.providers).toEqual(['a', 'substitute']);
  });

  it('waits for a short Retry-After of the target, exactly that and a little', async () => {
    const bench = await RunnerBench.of([A, SUBSTITUTE]);
    bench.network.script('a', refusal(429, { 'retry-after': '1' }), answer('after the pause'));
    expect(textOf(await bench.run())).toBe('after the pause');
    const [first, second] = bench.network.calls;
    expect(second!.at - first!.at).toBe(1_125);
  });

  it('does not wait for a long one', async () => {
    const bench = await RunnerBench.of([A, SUBSTITUTE]);
    bench.network.script('a', refusal(429, { 'retry-after': '30' }));
    expect(textOf(await bench.run({}, 0))).toBe('Hello');
    expect(bench.network.providers).toEqual(['a', 'substitute']);
  });
});

describe('a target alone', () => {
  it('answers 503 at once when it asks for a pause that is too long, and says when to come back', async () => {
    const bench = await RunnerBench.of([A]);
    bench.network.script('a', refusal(503, { 'retry-after': '30' }));
    const result = (await bench.run({}, 0)) as GatewayError;
    expect(result).toMatchObject({ code: 'no_provider_available', status: 503 });
    expect(result.headers['retry-after']).toBe('30');
  });

  it('is tried again with full jitter after a server error', async () => {
    const bench = await RunnerBench.of([A]);
    bench.network.script('a', refusal(500), refusal(500), answer('third'));
    expect(textOf(await bench.run())).toBe('third');
    const [first, second, third] = bench.network.calls.map(({ at }) => at);
    expect([second! - first!, third! - second!]).toEqual([50, 100]);
  });

  it('is not tried again without a budget for it', async () => {
    const bench = await RunnerBench.of([A], { breaker: { enabled: false } });
    bench.network.script('a', refusal(500));
    const runs = Array.from({ length: 30 }, () => bench.start());
    await bench.clock.advance(2_000);
    // 30 requests earn 3 tokens over the 10 at the start; two seconds bring two more.
    expect(bench.network.calls.length - 30).toBeLessThanOrEqual(15);
    expect(bench.network.calls.length - 30).toBeGreaterThanOrEqual(12);
    for (const { result } of runs) expect(result).toMatchObject({ code: 'upstream_error' });
  });
});

describe('the retry budget', () => {
  it('sends requests to the substitute, not to the caller, when it does not allow a second try', async () => {
    const bench = await RunnerBench.of([A, SUBSTITUTE], { breaker: { enabled: false } });
    bench.network.script('a', reset);
    const runs = Array.from({ length: 100 }, () => bench.start());
    await bench.clock.advance(1_000);
    expect(runs.map(({ result }) => textOf(result!))).toEqual(runs.map(() => 'Hello'));
    expect(bench.network.providers.filter((name) => name === 'a').length).toBeLessThanOrEqual(121);
  });

  it('lets the first failover through for nothing, and charges the third attempt', async () => {
    const bench = await RunnerBench.of([A, B, { name: 'c' }]);
    bench.network.script('a', refusal(500)).script('b', refusal(500)).script('c', answer());
    while (bench.state('b').retryBudget.trySpend());
    while (bench.state('c').retryBudget.trySpend());
    expect(textOf(await bench.run({}, 0))).toBe('upstream_error');
    expect(bench.network.providers).toEqual(['a', 'b']);
  });
});

describe('a refusal of the request itself', () => {
  for (const status of [400, 413, 422]) {
    it(`reaches the caller after one attempt: ${status}`, async () => {
      const bench = await RunnerBench.of([A, B, SUBSTITUTE]);
      bench.network.script('a', refusal(status, {}, { code: 'bad', param: 'messages' }));
      const result = (await bench.run({}, 0)) as GatewayError;
      expect(result).toMatchObject({ status, publicCode: 'bad', message: `said ${status}` });
      expect(result.headers['x-should-retry']).toBe('false');
      expect(bench.network.providers).toEqual(['a']);
      expect(bench.state('a').breaker.state).toBe('closed');
    });
  }

  it('for its content is never routed round', async () => {
    const bench = await RunnerBench.of([A, B]);
    bench.network.script('a', refusal(400, {}, { code: 'content_policy_violation' }));
    expect(await bench.run({}, 0)).toMatchObject({ status: 400, publicCode: 'content_policy_violation' });
    expect(bench.network.providers).toEqual(['a']);
  });

  it('for its length goes to a window that is larger or unknown, never to one known to be no larger', async () => {
    const bench = await RunnerBench.of([
      { ...A, contextTokens: 8_000 },
      { ...B, contextTokens: 8_000 },
      { name: 'large', contextTokens: 32_000, tier: 1 },
    ]);
    bench.network.script('a', refusal(400, {}, { code: 'context_length_exceeded' }));
    expect(textOf(await bench.run({}, 0))).toBe('Hello');
    expect(bench.network.providers).toEqual(['a', 'large']);
  });

  it('for its length reaches the caller where no window is larger', async () => {
    const bench = await RunnerBench.of([
      { ...A, contextTokens: 8_000 },
      { ...B, contextTokens: 8_000 },
    ]);
    bench.network.script('a', refusal(400, {}, { code: 'context_length_exceeded' }));
    expect(await bench.run({}, 0)).toMatchObject({ code: 'context_length_exceeded', status: 400 });
    expect(bench.network.providers).toEqual(['a']);
  });
});

describe('the deadline', () => {
  it('ends the running attempt, and none begins after it', async () => {
    const bench = await RunnerBench.of([A, B]);
    bench.network.script('a', silence).script('b', silence);
    const run = bench.start({ timeoutMs: 2_000 });
    await bench.clock.advance(2_000);
    expect(run.result).toMatchObject({ code: 'deadline_exceeded', status: 504 });
    expect(bench.network.providers).toEqual(['a']);
    run.ctx.close();
    expect(bench.clock.pending).toBe(0);
  });

  it('starts no attempt that has less than minAttemptMs left', async () => {
    const bench = await RunnerBench.of([{ ...A, timeouts: { firstTokenMs: 1_800 } }, B]);
    bench.network.script('a', silence);
    const run = bench.start({ timeoutMs: 2_000, body: { stream: true } });
    await bench.clock.advance(2_000);
    expect(run.result).toMatchObject({ code: 'deadline_exceeded' });
    expect(bench.network.providers).toEqual(['a']);
  });
});

describe('a caller that leaves', () => {
  it('ends the attempt and every further one, and gives its slot back', async () => {
    const bench = await RunnerBench.of([A, B]);
    bench.network.script('a', silence);
    const run = bench.start();
    await bench.clock.advance(100);
    run.ctx.close();
    await bench.clock.advance(0);
    expect(bench.network.calls).toMatchObject([{ provider: 'a', aborted: true }]);
    expect(bench.state('a').limiter.inFlight).toBe(0);
    expect(run.ctx.attempts).toMatchObject([{ outcome: 'ignored', reason: 'cancelled' }]);
    expect(bench.clock.pending).toBe(0);
  });

  it('ends the pause before a retry', async () => {
    const bench = await RunnerBench.of([A]);
    bench.network.script('a', refusal(429, { 'retry-after': '2' }));
    const run = bench.start();
    await bench.clock.advance(100);
    run.ctx.close();
    await bench.clock.advance(10_000);
    expect(bench.network.calls).toHaveLength(1);
    expect(bench.clock.pending).toBe(0);
  });
});

describe('breakers that shut every way', () => {
  it('let one request a second find out whether that is still right', async () => {
    const bench = await RunnerBench.of([A, B], { breaker: { consecutiveFaults: 1 }, maxAttempts: 2 });
    bench.network.script('a', reset, answer('back')).script('b', reset);
    await bench.run({}, 0);
    expect(bench.network.calls).toHaveLength(2);
    expect(textOf(await bench.run({}, 0))).toBe('back');
    bench.network.script('a', reset).script('b', reset);
    await bench.run({}, 0);
    const before = bench.network.calls.length;
    expect(textOf(await bench.run({}, 0))).toBe('no_provider_available');
    expect(bench.network.calls).toHaveLength(before);
  });

  it('refuse the others with the time to come back', async () => {
    const bench = await RunnerBench.of([A], { breaker: { consecutiveFaults: 1 }, maxAttempts: 1 });
    bench.network.script('a', reset, silence);
    await bench.run({}, 0);
    const probe = bench.start();
    const refused = (await bench.run({}, 0)) as GatewayError;
    expect(refused.code).toBe('no_provider_available');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    probe.ctx.close();
  });
});

describe('a target that is full', () => {
  const ONE = { ...A, limit: 1 };

  it('is passed over while another has room', async () => {
    const bench = await RunnerBench.of([ONE, B]);
    bench.network.script('a', silence);
    const first = bench.start();
    expect(textOf(await bench.run({}, 0))).toBe('Hello');
    expect(bench.network.providers).toEqual(['a', 'b']);
    first.ctx.close();
  });

  it('lets a request wait until a slot is free, and counts the wait as queueing', async () => {
    const bench = await RunnerBench.of([ONE]);
    bench.network.script('a', answer('first', 300), answer('second'));
    const first = bench.start();
    const second = bench.start();
    await bench.clock.advance(299);
    expect(bench.network.calls).toHaveLength(1);
    await bench.clock.advance(1);
    expect([first, second].map(({ result }) => textOf(result!))).toEqual(['first', 'second']);
    expect(second.ctx.queuedMs).toBe(300);
    expect(first.ctx.queuedMs).toBe(0);
    for (const { ctx } of [first, second]) ctx.close();
    expect(bench.state('a').limiter.inFlight).toBe(0);
    expect(bench.clock.pending).toBe(0);
  });

  it('refuses at once where queues are off, with a reason and a time to come back', async () => {
    const bench = await RunnerBench.of([ONE], { queue: { enabled: false } });
    bench.network.script('a', silence);
    const first = bench.start();
    const refused = (await bench.run({}, 0)) as GatewayError;
    expect(refused).toMatchObject({ code: 'overloaded', status: 503 });
    expect(refused.headers).toMatchObject({ 'x-gateway-reason': 'target_full', 'retry-after': '3' });
    first.ctx.close();
  });

  it('is what a request is told whose other target has failed', async () => {
    const bench = await RunnerBench.of([A, { ...B, limit: 1 }], { queue: { enabled: false } });
    bench.network.script('a', silence, reset).script('b', silence);
    bench.state('b').limiter.tryAcquire();
    const first = bench.start();
    expect(await bench.run({}, 0)).toMatchObject({ code: 'overloaded', status: 503 });
    expect(bench.network.providers).toEqual(['a', 'a']);
    first.ctx.close();
  });

  it('refuses who waited as long as it may', async () => {
    const bench = await RunnerBench.of([ONE], { queue: { maxWaitMs: 500 } });
    bench.network.script('a', silence);
    const first = bench.start();
    const second = bench.start();
    await bench.clock.advance(505);
    expect(second.result).toMatchObject({ code: 'queue_timeout', headers: { 'x-gateway-reason': 'queue_timeout' } });
    first.ctx.close();
  });

  it('refuses when its queue is full: four run, sixteen wait, the rest is told at once', async () => {
    const bench = await RunnerBench.of([{ ...A, limit: 4 }]);
    bench.network.script('a', answer('done', 100));
    const runs = Array.from({ length: 300 }, (_, at) => bench.start({ keyId: `key-${at}` }));
    await bench.clock.advance(0);
    expect(runs.filter(({ result }) => result instanceof GatewayError)).toHaveLength(280);
    await bench.clock.advance(500);
    expect(runs.filter(({ result }) => result && !(result instanceof GatewayError))).toHaveLength(20);
    for (const { ctx } of runs) ctx.close();
    expect(bench.state('a').limiter.inFlight).toBe(0);
  });

  it('serves a higher band first', async () => {
    const bench = await RunnerBench.of([ONE]);
    bench.network.script('a', answer('done', 100));
    const first = bench.start();
    const sheddable = bench.start({ priority: 'sheddable', keyId: 'low' });
    const critical = bench.start({ priority: 'critical', keyId: 'high' });
    await bench.clock.advance(150);
    expect([critical.ctx.attempts.length, sheddable.ctx.attempts.length]).toEqual([1, 0]);
    await bench.clock.advance(200);
    for (const { ctx } of [first, sheddable, critical]) ctx.close();
  });

  it('forgets a waiter whose caller has gone', async () => {
    const bench = await RunnerBench.of([ONE]);
    bench.network.script('a', answer('done', 100));
    const first = bench.start();
    const gone = bench.start();
    await bench.clock.advance(10);
    gone.ctx.close();
    expect(bench.state('a').queue.length).toBe(0);
    await bench.clock.advance(1_000);
    expect(bench.network.calls).toHaveLength(1);
    first.ctx.close();
    expect(bench.clock.pending).toBe(0);
  });

  it('ends a waiter with the shut-down where the drain ends it', async () => {
    const bench = await RunnerBench.of([ONE]);
    bench.network.script('a', silence);
    const first = bench.start();
    const waiting = bench.start();
    await bench.clock.advance(10);
    waiting.ctx.abort(new UpstreamFailure('ignored', 'shutting_down', 'never'));
    await bench.clock.advance(0);
    expect(waiting.result).toMatchObject({ code: 'shutting_down' });
    first.ctx.close();
  });

  it('sends its waiters elsewhere when it shuts while they wait', async () => {
    const bench = await RunnerBench.of([ONE, { ...B, limit: 1 }], {
      breaker: { consecutiveFaults: 1 },
      maxAttempts: 1,
    });
    bench.network.script('a', silence).script('b', answer('from b', 200));
    const first = bench.start();
    const second = bench.start();
    const waiting = bench.start();
    await bench.clock.advance(100);
    expect(bench.state('a').queue.length).toBe(1);
    bench.state('a').breaker.record(bench.state('a').breaker.tryAcquire(1_000), 'fault');
    first.ctx.close();
    await bench.clock.advance(500);
    expect(textOf(waiting.result!)).toBe('from b');
    for (const { ctx } of [second, waiting]) ctx.close();
    expect(bench.state('a').limiter.inFlight).toBe(0);
    expect(bench.state('b').limiter.inFlight).toBe(0);
  });
});

describe('a plain request to a target that is always asked for a stream', () => {
  const STREAMED = { ...A, streamUpstream: true, timeouts: { firstTokenMs: 1_000, idleMs: 2_000 } };

  it('is timed by its first content, not by its end, and held to the first-token bound until then only', async () => {
    const bench = await RunnerBench.of([STREAMED]);
    bench.network.script('a', stream('Hello', 100, 1_900));
    const run = bench.start();
    await bench.clock.advance(2_000);
    expect(run.result).toHaveProperty('first');
    const [record] = run.ctx.attempts;
    expect(record!.firstContentAt! - record!.startedAt).toBe(100);
    expect(record!.endedAt! - record!.startedAt).toBe(2_000);
    run.ctx.close();
  });

  it('fails when the stream falls silent', async () => {
    const bench = await RunnerBench.of([STREAMED], { maxAttempts: 1 });
    bench.network.script('a', stream('Hello', 100, 2_001));
    expect(textOf(await bench.run())).toBe('upstream_timeout');
    expect(bench.network.calls[0]?.aborted).toBe(true);
  });
});
