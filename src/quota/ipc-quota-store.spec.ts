import { deserialize, serialize } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { aPrincipal } from '../../test/support/principal.js';
import { reservationsExpired } from '../kernel/channels.js';
import { IpcQuotaStore, type QuotaWire } from './ipc-quota-store.js';
import { type QuotaStoreOptions } from './memory-quota-store.js';
import { type QuotaCall, type QuotaReply, QuotaStoreHost } from './quota-store-host.js';
import { describeQuotaStore } from './quota-store.suite.js';

const DAY_MS = 86_400_000;
const OPTIONS = { leaseMs: 30_000, onLeaseExpiry: 'release' } as const;

/** Copies messages as the channel between processes does, and delivers them in a later turn. */
function wireTo(host: QuotaStoreHost): QuotaWire {
  let listener: (reply: QuotaReply) => void = () => undefined;
  return {
    send: (call) => {
      const bytes = serialize(call);
      setImmediate(() => {
        const reply = host.answer(deserialize(bytes) as QuotaCall);
        // Both ends are one process here: what the store published itself must not count twice.
        if (reply) listener(deserialize(serialize({ ...reply, expired: 0 })) as QuotaReply);
      });
    },
    onReply: (found) => (listener = found),
  };
}

describeQuotaStore('quota store of another process', (options: QuotaStoreOptions) => {
  const clock = new ManualClock();
  return Promise.resolve({
    store: new IpcQuotaStore(wireTo(new QuotaStoreHost(clock)), clock, options),
    slackUs: 0,
    pass: (ms) => clock.advance(ms),
    roll: () => clock.advance(31 * DAY_MS),
    close: () => Promise.resolve(),
  });
});

describe('quota store of another process', () => {
  const request = { id: '1', principal: aPrincipal(), tokens: 1, costNanoUsd: 1 };

  it('refuses as unavailable when nobody answers, and closes the id', async () => {
    const clock = new ManualClock();
    const sent: QuotaCall[] = [];
    const store = new IpcQuotaStore({ send: (call) => sent.push(call), onReply: () => undefined }, clock, OPTIONS);
    const result = store.acquire(request);
    await clock.advance(3_000);
    expect(await result).toMatchObject({ admitted: false, reason: 'unavailable' });
    expect(sent.map(({ method }) => method)).toEqual(['open', 'acquire', 'release']);
  });

  it('shares one limit among several workers', async () => {
    const clock = new ManualClock();
    const host = new QuotaStoreHost(clock);
    const stores = [1, 2].map(() => new IpcQuotaStore(wireTo(host), clock, OPTIONS));
    const principal = aPrincipal({ limits: { requestsPerMinute: 60, requestBurst: 5 } });
    const asked = Array.from({ length: 10 }, (_, at) =>
      stores[at % 2]!.acquire({ id: String(at), principal, tokens: 0, costNanoUsd: 0 }),
    );
    expect((await Promise.all(asked)).filter(({ admitted }) => admitted)).toHaveLength(5);
  });

  it('rejects with what the other process said, and counts the leases that it found over', async () => {
    let reply: (reply: QuotaReply) => void = () => undefined;
    const wire: QuotaWire = { send: () => undefined, onReply: (listener) => (reply = listener) };
    const store = new IpcQuotaStore(wire, new ManualClock(), OPTIONS);
    let counted = 0;
    const unsubscribe = reservationsExpired.subscribe(({ count }) => (counted += count));
    const swept = store.sweep();
    reply({ quotaReply: 1, value: undefined, error: 'broken', expired: 3 });
    unsubscribe();
    await expect(swept).rejects.toThrow('broken');
    expect(counted).toBe(3);
  });
});
