import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectedRedis } from '../../test/support/connected-redis.js';
import { aBudget, aPrincipal } from '../../test/support/principal.js';
import { hasRedisServer, RedisServer } from '../../test/support/redis-server.js';
import { systemClock } from '../kernel/clock.js';
import { MemoryQuotaStore } from './memory-quota-store.js';
import { type AcquireResult, type Reservation } from './quota-store.js';
import { connectQuotaRedis, firstConnection, type QuotaRedis } from './redis-client.js';
import { RedisQuotaStore } from './redis-quota-store.js';
import { type ModeChange, ResilientQuotaStore } from './resilient-quota-store.js';

const OPTIONS = { leaseMs: 30_000, onLeaseExpiry: 'release' } as const;
const STRICT = aPrincipal({ keyId: 'strict', budgets: [aBudget(1000)] });
const RATED = aPrincipal({ keyId: 'rated', limits: { requestsPerMinute: 600 } });
const WITHIN = { timeout: 10_000, interval: 20 };

describe.skipIf(!hasRedisServer)('outages of a real redis-server (skipped where none is installed)', () => {
  let server: RedisServer;
  let client: QuotaRedis;
  let store: ResilientQuotaStore;
  let changes: ModeChange[];
  let serial = 0;

  const open = async (...flags: string[]): Promise<void> => {
    server = await RedisServer.start(...flags);
    client = await connectedRedis(server.url);
    await begin();
  };
  const begin = async (): Promise<void> => {
    const remote = new RedisQuotaStore(client, systemClock, 'gateway-1', OPTIONS);
    const local = new MemoryQuotaStore(systemClock, OPTIONS);
    store = new ResilientQuotaStore(remote, local, systemClock, (change) => changes.push(change));
    await firstConnection(client, systemClock);
    await store.start();
  };
  beforeEach(() => {
    changes = [];
  });
  afterEach(async () => {
    await store.close();
    client.disconnect();
    await server.stop();
  });

  const ask = async (principal = STRICT, cost = 10): Promise<AcquireResult> =>
    store.acquire({ id: `id-${++serial}`, principal, tokens: 0, costNanoUsd: cost });
  const hold = async (cost: number): Promise<Reservation> => {
    const result = await ask(STRICT, cost);
    if (!result.admitted) throw new Error(result.reason);
    return result.reservation;
  };
  const totals = async (): Promise<[number, number]> => {
    const [level] = (await store.usage(STRICT)).budgets;
    return [level!.spentNanoUsd, level!.reservedNanoUsd];
  };
  const fallBack = (): Promise<void> =>
    expect.poll(async () => [(await ask(STRICT, 1)).admitted, store.mode], WITHIN).toEqual([false, 'local']);
  const comeBack = (): Promise<void> => expect.poll(() => store.mode, WITHIN).toBe('shared');

  it('begins shared: no request of the first second is decided without Redis', async () => {
    server = await RedisServer.start();
    client = connectQuotaRedis(server.url, () => undefined);
    await begin();
    expect(store.mode).toBe('shared');
    expect(changes).toEqual([]);
    expect((await ask()).admitted).toBe(true);
  });

  it('begins alone, and soon, where Redis is not there', async () => {
    server = await RedisServer.start();
    await server.kill();
    client = connectQuotaRedis(server.url, () => undefined);
    await begin();
    expect(changes).toMatchObject([{ mode: 'local' }]);
  });

  it('begins alone, and soon, where Redis stands still', async () => {
    server = await RedisServer.start();
    server.freeze();
    client = connectQuotaRedis(server.url, () => undefined);
    await begin();
    server.thaw();
    expect(changes).toMatchObject([{ mode: 'local' }]);
  });

  it('goes on through a Redis that stands still, and charges what ended meanwhile', async () => {
    await open();
    const reservation = await hold(100);
    server.freeze();
    await fallBack();
    expect(await ask(RATED)).toMatchObject({ admitted: true, reservation: { heldBy: 'local' } });
    await store.settle({ reservation, costNanoUsd: 70, tokens: 0 });
    server.thaw();
    await comeBack();
    // What was asked while it stood still was executed late, and closed.
    await expect.poll(totals, WITHIN).toEqual([70, 0]);
    expect(changes.map(({ mode }) => mode)).toEqual(['local', 'shared']);
  });

  it('keeps the sums exact when Redis is killed and comes back with its append-only file', async () => {
    await open('--appendonly', 'yes', '--appendfsync', 'always');
    const held = [await hold(100), await hold(200), await hold(300)];
    await server.kill();
    await fallBack();
    for (const reservation of held.slice(0, 2)) {
      await store.settle({ reservation, costNanoUsd: 50, tokens: 0 });
    }
    await server.restart();
    await comeBack();
    await expect.poll(totals, WITHIN).toEqual([100, 300]);
    expect(store.journal).toEqual({ size: 0, fillRatio: 0, dropped: 0, droppedNanoUsd: 0 });
  });

  it('books again what a Redis that comes back empty has lost', async () => {
    await open();
    await store.settle({ reservation: await hold(100), costNanoUsd: 90, tokens: 0 });
    await hold(200);
    expect(await totals()).toEqual([90, 200]);
    await server.kill();
    await server.restart();
    await expect.poll(() => store.replays, WITHIN).toBe(1);
    await comeBack();
    expect(await totals()).toEqual([90, 200]);
  });

  it('takes a server that refuses writes for trouble, not for a refusal', async () => {
    await open();
    const admin = new Redis(server.port, '127.0.0.1');
    await admin.config('SET', 'min-replicas-to-write', '1');
    await fallBack();
    expect(changes[0]!.reason).toContain('NOREPLICAS');
    await admin.config('SET', 'min-replicas-to-write', '0');
    await comeBack();
    expect((await ask()).admitted).toBe(true);
    admin.disconnect();
  });

  it('starts without a Redis, and shares once there is one', async () => {
    server = await RedisServer.start();
    await server.kill();
    client = connectQuotaRedis(server.url, () => undefined);
    const remote = new RedisQuotaStore(client, systemClock, 'gateway-1', OPTIONS);
    store = new ResilientQuotaStore(remote, new MemoryQuotaStore(systemClock, OPTIONS), systemClock, (change) =>
      changes.push(change),
    );
    await store.start();
    expect(store.mode).toBe('local');
    expect(await ask()).toMatchObject({ admitted: false, reason: 'unavailable' });
    await server.restart();
    await comeBack();
    expect((await ask()).admitted).toBe(true);
  });
});
