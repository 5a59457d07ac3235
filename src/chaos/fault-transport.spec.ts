import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { type ProviderFault } from '../config/chaos-experiment.js';
import { type Provider } from '../kernel/snapshot.js';
import { UpstreamFailure } from '../kernel/upstream.js';
import { type UpstreamCall } from '../providers/upstream-client.js';
import { ResponseHead } from '../providers/response-head.js';
import { UpstreamExchange } from '../providers/upstream-exchange.js';
import { FaultTransport } from './fault-transport.js';

function carry(fault: ProviderFault | undefined, latencyMs = 0) {
  const clock = new ManualClock();
  const inner = new UpstreamExchange();
  let aborted = false;
  inner.control({ abort: () => (aborted = true), resume: () => undefined });
  const plan = { experiments: ['x'], latencyMs, fault };
  const transport = new FaultTransport(plan, { send: () => inner }, clock);
  return { clock, inner, outer: transport.send({} as Provider, {} as UpstreamCall), aborted: () => aborted };
}

function answer(exchange: UpstreamExchange, ...chunks: string[]): void {
  exchange.onHead(ResponseHead.of(200, { 'x-upstream': 'yes' }));
  for (const chunk of chunks) exchange.onData(Buffer.from(chunk));
  exchange.onEnd();
}

describe('FaultTransport', () => {
  it('hands on head, bytes and end of an answer that it only delays', async () => {
    const { clock, inner, outer } = carry(undefined, 100);
    answer(inner, 'one', 'two');
    await clock.advance(100);
    expect((await outer.head()).get('x-upstream')).toBe('yes');
    expect((await outer.readAll(100)).toString()).toBe('onetwo');
  });

  it.each<[ProviderFault, string]>([
    [{ type: 'connect_refused' }, 'connect_error'],
    [{ type: 'abort' }, 'reset'],
  ])('fails for %j as the network does', async (fault, reason) => {
    await expect(carry(fault).outer.head()).rejects.toMatchObject({ outcome: 'fault', reason });
  });

  it('fails as a cut connection does when it breaks off within the answer', async () => {
    const { inner, outer, aborted } = carry({ type: 'abort', afterBytes: 2 });
    inner.onHead(ResponseHead.of(200, {}));
    inner.onData(Buffer.from('one'));
    await outer.head();
    await expect(outer.readAll(100)).rejects.toMatchObject({ reason: 'truncated' });
    expect(aborted()).toBe(true);
  });

  it('hands a failure of the network on as it is', async () => {
    const { inner, outer } = carry({ type: 'truncate' });
    inner.fail(new UpstreamFailure('fault', 'connect_timeout', 'elsewhere'));
    await expect(outer.head()).rejects.toMatchObject({ reason: 'connect_timeout' });
  });

  it.each([
    [undefined, 100],
    [{ type: 'stall', afterEvents: 0 } as const, 0],
  ])('lets go of timers and of the upstream when the attempt ends under %j', async (fault, latencyMs) => {
    const { clock, inner, outer, aborted } = carry(fault, latencyMs);
    inner.onHead(ResponseHead.of(200, {}));
    inner.onData(Buffer.from('data: 1\n\n'));
    await clock.advance(0);
    outer.discard();
    await clock.advance(0);
    expect(clock.pending).toBe(0);
    expect(aborted()).toBe(latencyMs === 0);
  });

  it('pauses the upstream for a consumer that does not read', async () => {
    const { clock, inner, outer } = carry({ type: 'bad_usage' });
    inner.onHead(ResponseHead.of(200, {}));
    const event = `data: ${'x'.repeat(300_000)}\n\n`;
    inner.onData(Buffer.from(event));
    await clock.advance(0);
    inner.onData(Buffer.from(event));
    inner.onEnd();
    await clock.advance(0);
    expect((await outer.read())?.length).toBe(event.length);
    expect((await outer.read())?.length).toBe(event.length);
    expect(await outer.read()).toBeUndefined();
  });
});
