import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectedRedis } from '../../test/support/connected-redis.js';
import { aBudget, aPrincipal } from '../../test/support/principal.js';
import { hasRedisServer, RedisServer } from '../../test/support/redis-server.js';
import { TcpProxy } from '../../test/support/tcp-proxy.js';
import { systemClock } from '../kernel/clock.js';
import { violationsOf } from './audit-violations.js';
import { MemoryQuotaStore } from './memory-quota-store.js';
import { type QuotaRedis } from './redis-client.js';
import { RedisQuotaStore } from './redis-quota-store.js';
import { ResilientQuotaStore } from './resilient-quota-store.js';

const OPTIONS = { leaseMs: 30_000, onLeaseExpiry: 'release' } as const;
const PRINCIPAL = aPrincipal({
  budgets: [aBudget(100_000)],
  limits: { requestsPerMinute: 60, requestBurst: 1000, concurrentRequests: 1000 },
});
const WITHIN = { timeout: 15_000, interval: 20 };

describe.skipIf(!hasRedisServer)('a Redis behind an address that moves (skipped without redis-server)', () => {
  let server: RedisServer;
  let proxy: TcpProxy;
  let client: QuotaRedis;
  let store: ResilientQuotaStore;
  let serial = 0;

  beforeEach(async () => {
    server = await RedisServer.start();
    proxy = await TcpProxy.start(server.port);
    client = await connectedRedis(`redis://127.0.0.1:${proxy.port}`);
    const remote = new RedisQuotaStore(client, systemClock, 'gateway-1', OPTIONS);
    store = new ResilientQuotaStore(remote, new MemoryQuotaStore(systemClock, OPTIONS), systemClock, () => undefined);
    await store.start();
  });
  afterEach(async () => {
    await store.close();
    client.disconnect();
    await proxy.stop();
    await server.stop();
  });

  /** A machine under load may miss 50 ms: such a request was not decided. */
  const hold = async (cost: number) => {
    for (;;) {
      const result = await store.acquire({ id: `id-${++serial}`, principal: PRINCIPAL, tokens: 0, costNanoUsd: cost });
      if (result.admitted) return result.reservation;
    }
  };
  const totals = async (): Promise<number[]> =>
    store.usage(PRINCIPAL).then(
      ({ budgets }) => budgets.flatMap((level) => [level.spentNanoUsd, level.reservedNanoUsd]),
      () => [],
    );

  it('books again what a promoted replica had not received', async () => {
    const replica = await RedisServer.start('--replicaof', `127.0.0.1 ${server.port}`);
    const admin = new Redis(replica.port, '127.0.0.1');
    try {
      await expect.poll(() => admin.info('replication'), WITHIN).toContain('master_link_status:up');
      const early = await hold(1000);
      await expect.poll(() => admin.hlen('q:{acme}:1:resv'), WITHIN).toBe(1);
      replica.freeze();
      const lost = [await hold(200), await hold(30)];
      await store.settle({ reservation: early, costNanoUsd: 900, tokens: 0 });
      await store.settle({ reservation: lost[0]!, costNanoUsd: 150, tokens: 0 });
      await server.kill();
      replica.thaw();
      await admin.call('REPLICAOF', 'NO', 'ONE');
      proxy.target = replica.port;
      proxy.cut();
      await expect.poll(totals, WITHIN).toEqual([1050, 30]);
      expect(await store.settle({ reservation: lost[1]!, costNanoUsd: 30, tokens: 0 })).not.toBe('unknown');
      await expect.poll(totals, WITHIN).toEqual([1080, 0]);
      expect(violationsOf(await store.audit(['acme']), [PRINCIPAL])).toEqual([]);
    } finally {
      admin.disconnect();
      await replica.stop();
    }
  });

  it('holds nothing of a hundred acquires that were executed and whose answers were lost', async () => {
    // Redis has to know the script by now: what it is told to load goes unheard from here on.
    await store.release(await hold(1));
    proxy.mute = true;
    const ask = async (n: number) =>
      store.acquire({ id: `deaf-${n}`, principal: PRINCIPAL, tokens: 0, costNanoUsd: 10 });
    const asked = await Promise.all(Array.from({ length: 100 }, (_, n) => ask(n)));
    expect(asked.every(({ admitted }) => !admitted)).toBe(true);
    proxy.mute = false;
    proxy.cut();
    await expect.poll(totals, WITHIN).toEqual([0, 0]);
    const { concurrent, levels } = await store.usage(PRINCIPAL);
    expect(concurrent).toBe(0);
    // They did happen: a released request stays counted, and one comes back per second.
    expect(levels.requests!.remaining).toBeLessThan(950);
  });
});
