import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { systemClock } from '../../src/kernel/clock.js';
import { RedisQuotaStore } from '../../src/quota/redis-quota-store.js';
import { connectedRedis } from '../support/connected-redis.js';
import { aBudget, aPrincipal } from '../support/principal.js';
import { hasRedisServer, RedisServer } from '../support/redis-server.js';

// QUOTA_LONG_MS=30000 npx vitest run test/long: it takes that long, and prints what it measured.
const durationMs = Number(process.env.QUOTA_LONG_MS ?? 0);
const KEYS = 1000;
const PER_TICK = 20;
const TICK_MS = 10;
const HELD_MS = 50;

const principals = Array.from({ length: KEYS }, (_, n) =>
  aPrincipal({
    keyId: `key-${n}`,
    org: 'large',
    limits: { requestsPerMinute: 60_000, tokensPerMinute: 1_000_000, concurrentRequests: 100 },
    budgets: [aBudget(10 ** 12, 'key', '1d'), aBudget(10 ** 15, 'org')],
  }),
);

async function cpuSeconds(admin: Redis): Promise<number> {
  const text = await admin.info('cpu');
  const of = (name: string): number => Number(new RegExp(`^${name}:(\\S+)`, 'm').exec(text)?.[1]);
  return of('used_cpu_sys') + of('used_cpu_user');
}

it.skipIf(!hasRedisServer || durationMs === 0)(
  'holds no more than what is in flight for a thousand keys of one org at 2,000 requests a second',
  async () => {
    const server = await RedisServer.start();
    const admin = new Redis(server.port, '127.0.0.1');
    const client = await connectedRedis(server.url);
    const store = new RedisQuotaStore(client, systemClock, 'gateway-1', {
      leaseMs: 30_000,
      onLeaseExpiry: 'release',
    });
    const latencies: number[] = [];
    const running = new Set<Promise<void>>();
    let serial = 0;
    let refused = 0;
    const one = async (): Promise<void> => {
      const n = serial++;
      const from = performance.now();
      const principal = principals[n % KEYS]!;
      const result = await store.acquire({ id: `id-${n}`, principal, tokens: 100, costNanoUsd: 1000 });
      latencies.push(performance.now() - from);
      if (!result.admitted) {
        refused++;
        return;
      }
      await sleep(HELD_MS);
      await store.settle({ reservation: result.reservation, costNanoUsd: 700, tokens: 70 });
    };
    const cpuBefore = await cpuSeconds(admin);
    const from = performance.now();
    let most = 0;
    while (performance.now() - from < durationMs) {
      // What the clock owes, so that a late tick does not lower the rate.
      const owed = Math.floor((performance.now() - from) / TICK_MS) * PER_TICK;
      while (serial < owed) {
        const request = one();
        running.add(request);
        void request.finally(() => running.delete(request));
      }
      const inFlight = running.size;
      const [held, leases] = await Promise.all([admin.hlen('q:{large}:1:resv'), admin.zcard('q:{large}:1:lease')]);
      most = Math.max(most, held);
      expect(held).toBeLessThanOrEqual(Math.max(inFlight, running.size));
      expect(leases).toBeLessThanOrEqual(Math.max(inFlight, running.size));
      await sleep(TICK_MS);
    }
    await Promise.all(running);
    const seconds = (performance.now() - from) / 1000;
    const share = ((await cpuSeconds(admin)) - cpuBefore) / seconds;
    latencies.sort((a, b) => a - b);
    const p99Ms = latencies[Math.floor(latencies.length * 0.99)];
    process.stdout.write(
      `${JSON.stringify({ requests: serial, seconds, refused, p99Ms, redisCpuShare: share, most })}\n`,
    );
    expect(refused).toBe(0);
    expect(await admin.exists('q:{large}:1:resv', 'q:{large}:1:lease')).toBe(0);
    const { windows } = await store.audit(['large']);
    const org = windows.find(({ account }) => account.startsWith('org.'));
    expect(org).toMatchObject({ spentNanoUsd: serial * 700, chargedNanoUsd: serial * 700, reservedNanoUsd: 0 });
    await store.close();
    for (const each of [admin, client]) each.disconnect();
    await server.stop();
  },
  durationMs + 60_000,
);
