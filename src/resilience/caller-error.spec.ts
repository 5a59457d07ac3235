import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { RunnerBench } from '../../test/support/runner-bench.js';
import { type FailureDetails, type FailureReason, UpstreamFailure } from '../kernel/upstream.js';
import { callerError } from './caller-error.js';

const ERROR = { message: 'said upstream', type: 'some_error', param: 'messages', code: 'their_code' };

async function told(reason: FailureReason, details: FailureDetails = {}, timeoutMs = 600_000) {
  const bench = await RunnerBench.of([{ name: 'a' }]);
  const { ctx } = bench.start({ timeoutMs });
  await bench.clock.advance(1_000);
  return callerError(new UpstreamFailure('fault', reason, 'never', details), ctx, bench.clock);
}

describe('callerError', () => {
  it('never relays an upstream that rejects our credentials as a 401 of the caller', async () => {
    const error = await told('configuration', { status: 401, error: ERROR });
    expect(error).toMatchObject({ code: 'upstream_configuration', status: 502 });
    expect(JSON.stringify(error.toObject())).not.toContain('said upstream');
  });

  it('says a refusal of the request in the words of the upstream', async () => {
    const error = await told('rejected', { status: 422, error: ERROR });
    expect(error.status).toBe(422);
    expect(error.toObject()).toMatchObject({ message: 'said upstream', param: 'messages', code: 'their_code' });
  });

  it('gives a refusal that came inside a 200 the status 400', async () => {
    expect(await told('content_policy', { status: 200, error: ERROR })).toMatchObject({ status: 400 });
  });

  it('keeps its own code for a prompt that is too long', async () => {
    expect(await told('context_length', { status: 400, error: ERROR })).toMatchObject({
      publicCode: 'context_length_exceeded',
    });
  });

  it('hides what an upstream says of its own failure', async () => {
    const error = await told('server_error', { status: 500, error: ERROR });
    expect(error).toMatchObject({ status: 502, message: 'The upstream providers failed.' });
  });

  it('is the deadline once that has passed, whatever ended the attempt', async () => {
    expect(await told('idle_timeout', {}, 500)).toMatchObject({ code: 'deadline_exceeded', status: 504 });
  });

  it('names the attempts and the providers that failed', async () => {
    const bench = await RunnerBench.of([{ name: 'a' }, { name: 'b' }], {}, new ManualClock());
    const { ctx } = bench.start();
    await bench.clock.advance(0);
    ctx.answeredBy = undefined;
    const { headers } = callerError(new UpstreamFailure('fault', 'reset', 'same'), ctx, bench.clock);
    expect(headers).toMatchObject({ 'x-gateway-attempts': '1', 'x-gateway-failed-providers': 'a' });
  });
});
