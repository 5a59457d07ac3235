import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectedRedis } from '../../test/support/connected-redis.js';
import { aBudget, aPrincipal } from '../../test/support/principal.js';
import { RedisCluster } from '../../test/support/redis-cluster.js';
import { hasRedisServer } from '../../test/support/redis-server.js';
import { systemClock } from '../kernel/clock.js';
import { type QuotaRedis } from './redis-client.js';
import { RedisQuotaStore } from './redis-quota-store.js';

const OPTIONS = { leaseMs: 30_000, onLeaseExpiry: 'release' } as const;

describe.skipIf(!hasRedisServer)(
  'Redis quota store on a cluster of three masters (skipped without redis-server)',
  () => {
    let cluster: RedisCluster;
    let clients: QuotaRedis[];
    let gateways: RedisQuotaStore[];

    beforeAll(async () => {
      cluster = await RedisCluster.start();
      clients = await Promise.all([1, 2].map(() => connectedRedis(cluster.urls)));
      gateways = clients.map((client, n) => new RedisQuotaStore(client, systemClock, `gateway-${n}`, OPTIONS));
    });
    afterAll(async () => {
      await Promise.all(gateways.map((gateway) => gateway.close()));
      for (const client of clients) client.disconnect();
      await cluster.stop();
    });

    it('admits exactly what fits, of two gateways with 200 simultaneous requests each', async () => {
      const principal = aPrincipal({
        team: 'red',
        limits: { requestsPerMinute: 60_000, requestBurst: 1000, tokensPerMinute: 1_000_000, concurrentRequests: 1000 },
        budgets: [aBudget(1000, 'key', '1d'), aBudget(1000, 'team'), aBudget(1000, 'org')],
      });
      const asked = gateways.flatMap((gateway, g) =>
        Array.from({ length: 200 }, async (_, n) => {
          const result = await gateway.acquire({ id: `${g}-${n}`, principal, tokens: 10, costNanoUsd: 10 });
          if (result.admitted) await gateway.settle({ reservation: result.reservation, costNanoUsd: 10, tokens: 10 });
          return result.admitted;
        }),
      );
      expect((await Promise.all(asked)).filter(Boolean)).toHaveLength(100);
      const { budgets } = await gateways[0]!.usage(principal);
      expect(budgets.map((level) => [level.spentNanoUsd, level.reservedNanoUsd])).toEqual([
        [1000, 0],
        [1000, 0],
        [1000, 0],
      ]);
    });

    it('serves a hundred orgs, whatever master holds them', async () => {
      const orgs = Array.from({ length: 100 }, (_, n) => `org-${n}`);
      await Promise.all(
        orgs.map(async (org, n) => {
          const principal = aPrincipal({ org, budgets: [aBudget(1000, 'org')] });
          const gateway = gateways[n % 2]!;
          const result = await gateway.acquire({ id: `o-${n}`, principal, tokens: 0, costNanoUsd: 600 });
          expect(result.admitted).toBe(true);
          const second = await gateway.acquire({ id: `p-${n}`, principal, tokens: 0, costNanoUsd: 600 });
          expect(second).toMatchObject({ admitted: false, reason: 'budgetReserved' });
        }),
      );
      const report = await gateways[0]!.audit(orgs);
      expect(report.reservations).toBe(100);
      expect(report.windows.every((w) => w.reservedNanoUsd === 600 && w.recomputedNanoUsd === 600)).toBe(true);
      expect(await gateways[1]!.sweep(orgs)).toBe(0);
    });

    it('keeps its sums while the slot of an org moves to another master under load', async () => {
      const principal = aPrincipal({ org: 'mover', budgets: [aBudget(10 ** 9, 'org')] });
      let moving = true;
      let admitted = 0;
      const worker = async (n: number): Promise<void> => {
        for (let serial = 0; moving; serial++) {
          const id = `mover-${n}-${serial}`;
          const result = await gateways[n % 2]!.acquire({ id, principal, tokens: 0, costNanoUsd: 10 });
          if (result.admitted) admitted++;
        }
      };
      const load = Promise.all(Array.from({ length: 8 }, (_, n) => worker(n)));
      const before = await cluster.moveSlotOf('q:{mover}:1:bud');
      moving = false;
      await load;
      expect(before.from).not.toBe(before.to);
      expect(admitted).toBeGreaterThan(0);
      const { windows, reservations } = await gateways[0]!.audit(['mover']);
      expect(reservations).toBe(admitted);
      expect(windows).toMatchObject([{ reservedNanoUsd: 10 * admitted, recomputedNanoUsd: 10 * admitted }]);
    });

    it('knows its gateways and its servers', async () => {
      await gateways[0]!.heartbeat();
      const heartbeat = await gateways[1]!.heartbeat();
      expect(heartbeat.gateways).toBe(2);
      expect(heartbeat.identity.split(' ')).toHaveLength(3);
    });
  },
);
