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
        listener(deserialize(serialize({ ...reply, expired: 0 })) as QuotaReply);
      });
    },
    onReply: (found) => (listener = found),
  };
}

describeQuotaStore('quota store of another process', async (options: QuotaStoreOptions) => {
  const clock = new ManualClock();
  return {
    store: await IpcQuotaStore.open(wireTo(new QuotaStoreHost(clock)), clock, options),
    slackUs: 0,
    pass: (ms) => clock.advance(ms),
    roll: () => clock.advance(31 * DAY_MS),
    close: () => Promise.resolve(),
  };
});

describe('quota store of another process', () => {
  const request = { id: '1', principal: aPrincipal(), tokens: 1, costNanoUsd: 1 };

  it('refuses as unavailable when nobody answers, and closes the id', async () => {
    const clock = new ManualClock();
    const sent: QuotaCall[] = [];
    const opening = IpcQuotaStore.open({ send: (call) => sent.push(call), onReply: () => undefined }, clock, OPTIONS);
    await clock.advance(3_000);
    const result = (await opening).acquire(request);
    await clock.advance(3_000);
    expect(await result).toMatchObject({ admitted: false, reason: 'unavailable' });
    expect(sent.map(({ method }) => method)).toEqual(['open', 'acquire', 'release']);
  });

  it('shares one limit among several workers', async () => {
    const clock = new ManualClock();
    const host = new QuotaStoreHost(clock);
    const stores = await Promise.all([1, 2].map(() => IpcQuotaStore.open(wireTo(host), clock, OPTIONS)));
    const principal = aPrincipal({ limits: { requestsPerMinute: 60, requestBurst: 5 } });
    const asked = Array.from({ length: 10 }, (_, at) =>
      stores[at % 2]!.acquire({ id: String(at), principal, tokens: 0, costNanoUsd: 0 }),
    );
    expect((await Promise.all(asked)).filter(({ admitted }) => admitted)).toHaveLength(5);
  });

  it('has the leases of whoever opened it first, whatever the file says by now', async () => {
    const clock = new ManualClock();
    const host = new QuotaStoreHost(clock);
    const first = await IpcQuotaStore.open(wireTo(host), clock, OPTIONS);
    const later = await IpcQuotaStore.open(wireTo(host), clock, { ...OPTIONS, leaseMs: 300_000 });
    expect([first.leaseMs, later.leaseMs]).toEqual([30_000, 30_000]);
  });

  it('rejects with what the other process said, and counts the leases that it found over', async () => {
    let reply: (reply: QuotaReply) => void = () => undefined;
    const wire: QuotaWire = { send: () => undefined, onReply: (listener) => (reply = listener) };
    const opening = IpcQuotaStore.open(wire, new ManualClock(), OPTIONS);
    reply({ quotaReply: 1, value: OPTIONS.leaseMs, error: undefined, expired: 0 });
    const store = await opening;
    let counted = 0;
    const unsubscribe = reservationsExpired.subscribe(({ count }) => (counted += count));
    const swept = store.sweep();
    reply({ quotaReply: 2, value: undefined, error: 'broken', expired: 3 });
    unsubscribe();
    await expect(swept).rejects.toThrow('broken');
    expect(counted).toBe(3);
  });
});
