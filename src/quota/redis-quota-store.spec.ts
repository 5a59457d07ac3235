import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectedRedis } from '../../test/support/connected-redis.js';
import { aBudget, aPrincipal } from '../../test/support/principal.js';
import { hasRedisServer, RedisServer } from '../../test/support/redis-server.js';
import { letTimePass, rollWindows } from '../../test/support/redis-time-shift.js';
import { systemClock } from '../kernel/clock.js';
import { windowEndUs, windowIndex } from './budget-window.js';
import { violationsOf } from './audit-violations.js';
import { CALENDAR_LUA } from './lua/calendar.lua.js';
import { describeQuotaStore } from './quota-store.suite.js';
import { type QuotaRedis } from './redis-client.js';
import { type AcquireResult } from './quota-store.js';
import { RedisQuotaStore } from './redis-quota-store.js';

const OPTIONS = { leaseMs: 30_000, onLeaseExpiry: 'release' } as const;
const PRINCIPAL = aPrincipal({
  limits: { requestsPerMinute: 6000, tokensPerMinute: 60_000, concurrentRequests: 500 },
  budgets: [aBudget(1_000_000)],
});

// Without the binary there is nothing to test against: the reason stands in the report.
describe.skipIf(!hasRedisServer)('with a redis-server (skipped where none is installed)', () => {
  let server: RedisServer;
  let admin: Redis;

  beforeAll(async () => {
    server = await RedisServer.start();
    admin = new Redis(server.port, '127.0.0.1');
  });
  afterAll(async () => {
    admin.disconnect();
    await server.stop();
  });

  describeQuotaStore('Redis quota store', async (options) => {
    await admin.flushall();
    const client = await connectedRedis(server.url);
    const store = new RedisQuotaStore(client, systemClock, 'gateway-1', options);
    return {
      store,
      slackUs: 2_000_000,
      pass: (ms) => letTimePass(admin, ms),
      roll: () => rollWindows(admin),
      close: async () => {
        await store.close();
        client.disconnect();
      },
    };
  });

  describe('Redis quota store', () => {
    let client: QuotaRedis;
    let store: RedisQuotaStore;
    let serial = 0;

    beforeEach(async () => {
      await admin.flushall();
      client = await connectedRedis(server.url);
      store = new RedisQuotaStore(client, systemClock, 'gateway-1', OPTIONS);
    });
    afterEach(async () => {
      await store.close();
      client.disconnect();
    });

    const ask = async (cost = 10, principal = PRINCIPAL): Promise<AcquireResult> =>
      store.acquire({ id: `id-${++serial}`, principal, tokens: 10, costNanoUsd: cost });

    it('writes nothing when it refuses', async () => {
      const principal = aPrincipal({ ...PRINCIPAL, budgets: [aBudget(15)] });
      await ask(10, principal);
      const dump = async (): Promise<unknown> => {
        const keys = (await admin.keys('*')).sort();
        return Promise.all(keys.map(async (key) => [key, (await admin.dumpBuffer(key)).toString('hex')]));
      };
      const before = await dump();
      expect(await ask(10, principal)).toMatchObject({ admitted: false, reason: 'budgetReserved' });
      expect(await dump()).toEqual(before);
    });

    it('asks one round trip per acquire, which takes waiting settlements along', async () => {
      const first = await ask();
      if (!first.admitted) throw new Error('refused');
      await admin.config('RESETSTAT');
      const settled = store.settle({ reservation: first.reservation, costNanoUsd: 7, tokens: 10 });
      await ask();
      expect(await settled).toBe('settled');
      expect(/cmdstat_evalsha:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1]).toBe('1');
    });

    it('asks one round trip for acquires of several keys that begin together, each decided in its turn', async () => {
      const [one, other] = ['one', 'other'].map((keyId) =>
        aPrincipal({ ...PRINCIPAL, keyId, budgets: [aBudget(25, 'org')] }),
      );
      await admin.config('RESETSTAT');
      const results = await Promise.all([ask(10, one), ask(10, other), ask(10, one), ask(5, other)]);
      expect(results.map((result) => (result.admitted ? 'admitted' : result.reason))).toEqual([
        ...['admitted', 'admitted', 'budgetReserved', 'admitted'],
      ]);
      expect(/cmdstat_evalsha:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1]).toBe('1');
      const { budgets } = await store.usage(one!);
      expect(budgets[0]).toMatchObject({ spentNanoUsd: 0, reservedNanoUsd: 25 });
    });

    it('asks again for what no round trip may hold at once', async () => {
      await ask();
      await admin.config('RESETSTAT');
      const results = await Promise.all(Array.from({ length: 33 }, () => ask()));
      expect(results.filter(({ admitted }) => admitted)).toHaveLength(33);
      expect(/cmdstat_evalsha:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1]).toBe('3');
    });

    it('leaves nothing behind at idle but totals and the marks of settled ids', async () => {
      const results = await Promise.all(Array.from({ length: 50 }, () => ask()));
      for (const result of results) if (result.admitted) void store.release(result.reservation);
      await store.close();
      const kinds = (await admin.keys('*')).map((key) => key.split(':')[3]);
      expect(new Set(kinds)).toEqual(new Set(['bud', 'done', 'rpm', 'tpm']));
      for (const key of await admin.keys('*')) expect(await admin.pttl(key)).toBeGreaterThan(0);
    });

    it('shows an audit that somebody changed the accounts', async () => {
      const admitted = await ask(100);
      if (!admitted.admitted) throw new Error('refused');
      await store.settle({ reservation: admitted.reservation, costNanoUsd: 60, tokens: 1 });
      await ask(30);
      expect(violationsOf(await store.audit([PRINCIPAL.org]), [PRINCIPAL])).toEqual([]);
      const budgets = `q:{${PRINCIPAL.org}}:1:bud`;
      const [account = ''] = await admin.hkeys(budgets);
      const index = (await admin.hget(budgets, account))!.split(',')[0]!;
      await admin.hset(budgets, account, `${index},61,28,0,0,0`);
      expect(violationsOf(await store.audit([PRINCIPAL.org]), [PRINCIPAL])).toMatchObject([
        { name: 'spent_differs', org: PRINCIPAL.org, account, byNanoUsd: 1 },
        { name: 'reserved_differs', org: PRINCIPAL.org, account, byNanoUsd: -2 },
      ]);
    });

    it('goes by the time of Redis, however wrong the clocks of gateways are', async () => {
      const wrongBy = (ms: number): RedisQuotaStore => {
        const clock = { ...systemClock, wall: () => systemClock.wall() + ms, now: () => systemClock.now() + ms };
        return new RedisQuotaStore(client, clock, `gateway-${ms}`, OPTIONS);
      };
      const [early, late] = [wrongBy(-600_000), wrongBy(600_000)];
      const principal = aPrincipal({
        limits: { requestsPerMinute: 2, requestBurst: 2 },
        budgets: [aBudget(100, 'key', '1h')],
      });
      const asked = (id: string) => ({ id, principal, tokens: 0, costNanoUsd: 1 });
      const first = await early.acquire(asked('clock-1'));
      expect(first.admitted).toBe(true);
      expect((await late.acquire(asked('clock-2'))).admitted).toBe(true);
      for (const gateway of [early, late, store]) {
        const refused = await gateway.acquire(asked('clock-3'));
        expect(refused).toMatchObject({ admitted: false, reason: 'requests' });
        if (!refused.admitted) expect(refused.retryAfterUs).toBeLessThanOrEqual(30_000_000);
      }
      if (first.admitted) expect(await late.renew(principal, [first.reservation.id])).toEqual([]);
      expect(await late.sweep([principal.org])).toBe(0);
      const { windows } = await early.audit([principal.org]);
      expect(windows.map(({ reservedNanoUsd }) => reservedNanoUsd)).toEqual([2]);
    });

    it('survives SCRIPT FLUSH under load without an error', async () => {
      const asked: unknown[] = [];
      for (let n = 0; n < 200; n++) {
        asked.push(ask(1));
        if (n % 20 === 0) asked.push(admin.script('FLUSH'));
        if (n % 10 === 0) await Promise.all(asked.splice(0));
      }
      await Promise.all(asked);
      expect((await store.usage(PRINCIPAL)).budgets[0]!.reservedNanoUsd).toBe(200);
    });

    it('works as a user who may not call SCRIPT or EVALSHA, and on no other prefix', async () => {
      await admin.call('ACL', 'SETUSER', 'gateway', 'reset', 'on', '>pw', '~q:*', '+@all', '-script', '-evalsha');
      const limited = await connectedRedis(server.url.replace('//', '//gateway:pw@'));
      const other = new RedisQuotaStore(limited, systemClock, 'gateway-2', OPTIONS);
      expect(await other.acquire({ id: 'acl', principal: PRINCIPAL, tokens: 1, costNanoUsd: 1 })).toMatchObject({
        admitted: true,
      });
      expect((await other.usage(PRINCIPAL)).budgets[0]!.reservedNanoUsd).toBe(1);
      await expect(limited.get('elsewhere')).rejects.toThrow('NOPERM');
      limited.disconnect();
    });

    it('fails, and does not decide by itself, where EVAL is forbidden too', async () => {
      await admin.call('ACL', 'SETUSER', 'mute', 'reset', 'on', '>pw', '~q:*', '+@all', '-@scripting');
      const limited = await connectedRedis(server.url.replace('//', '//mute:pw@'));
      const other = new RedisQuotaStore(limited, systemClock, 'gateway-2', OPTIONS);
      const asked = other.acquire({ id: 'acl', principal: PRINCIPAL, tokens: 1, costNanoUsd: 1 });
      await expect(asked).rejects.toThrow('NOPERM');
      limited.disconnect();
    });

    it('fails within its time when Redis stands still, and works again when it goes on', async () => {
      const hasty = await connectedRedis(server.url, 75);
      const gateway = new RedisQuotaStore(hasty, systemClock, 'gateway-2', OPTIONS);
      server.freeze();
      const asked = gateway.acquire({ id: 'frozen', principal: PRINCIPAL, tokens: 1, costNanoUsd: 1 });
      await expect(asked).rejects.toThrow('timed out');
      server.thaw();
      hasty.disconnect();
      await expect
        .poll(async () =>
          ask().then(
            (result) => result.admitted,
            () => false,
          ),
        )
        .toBe(true);
    });

    it('rejects a settlement that Redis did not take', async () => {
      const result = await ask();
      if (!result.admitted) throw new Error('refused');
      client.disconnect();
      await expect(store.settle({ reservation: result.reservation, costNanoUsd: 1, tokens: 1 })).rejects.toThrow();
    });

    it('counts the gateways that live', async () => {
      const second = new RedisQuotaStore(client, systemClock, 'gateway-2', OPTIONS);
      expect((await store.heartbeat()).gateways).toBe(1);
      expect((await second.heartbeat()).gateways).toBe(2);
      expect((await store.heartbeat()).lostWrites).toBe(false);
    });

    it('notices that writes were lost, and books them again without doubling what was kept', async () => {
      const { identity } = await store.heartbeat();
      const result = await ask(100);
      if (!result.admitted) throw new Error('refused');
      await store.restore(result.reservation);
      expect((await store.usage(PRINCIPAL)).budgets[0]).toMatchObject({ reservedNanoUsd: 100 });
      await admin.flushall();
      expect(await store.heartbeat()).toMatchObject({ identity, lostWrites: true });
      await store.restore(result.reservation);
      expect((await store.usage(PRINCIPAL)).budgets[0]).toMatchObject({ reservedNanoUsd: 100 });
      expect(await store.heartbeat()).toMatchObject({ lostWrites: false });
    });

    it('books and counts windows by the same calendar as the gateway', async () => {
      const script = `${CALENDAR_LUA}
        local out = {}
        for n = 1, #ARGV do
          local index = window_index(0, tonumber(ARGV[n]))
          out[#out + 1] = index; out[#out + 1] = window_end(0, index)
        end
        return out`;
      // Every 11 days and a bit from 1970 to 2120, and the edges of months.
      const instants = Array.from({ length: 5000 }, (_, n) => n * 11.003 * 86_400_000_000);
      const edges = Array.from({ length: 600 }, (_, n) => Date.UTC(2000, n) * 1000).flatMap((us) => [us - 1, us]);
      const all = [...instants, ...edges].map(Math.round);
      const expected = all.flatMap((us) => [windowIndex(0, us), windowEndUs(0, windowIndex(0, us))]);
      expect(await admin.eval(script, 0, ...all)).toEqual(expected);
    });
  });
});
