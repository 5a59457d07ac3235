import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectedRedis } from '../../test/support/connected-redis.js';
import { aBudget, aPrincipal } from '../../test/support/principal.js';
import { RedisCluster } from '../../test/support/redis-cluster.js';
import { hasRedisServer, RedisServer } from '../../test/support/redis-server.js';
import { systemClock } from '../kernel/clock.js';
import { type Admission } from './quota-store.js';
import { type QuotaRedis, redisIdentity } from './redis-client.js';
import { RedisQuotaStore } from './redis-quota-store.js';

const DOCUMENT = readFileSync(join(import.meta.dirname, '../../docs/OPERATIONS.md'), 'utf8');
const [, USER] = /^```redis-acl\nuser (.+)\n```$/m.exec(DOCUMENT)!;
const SCRIPTS = join(import.meta.dirname, 'lua');
/** What a connection needs beside the scripts. */
const OF_THE_CONNECTION = ['ping', 'info', 'eval', 'evalsha'];
const PRINCIPAL = aPrincipal({
  limits: { requestsPerMinute: 6000, tokensPerMinute: 60_000, concurrentRequests: 500 },
  budgets: [aBudget(1_000_000)],
});

async function useEverything(client: QuotaRedis): Promise<void> {
  const store = new RedisQuotaStore(client, systemClock, 'gateway-1', { leaseMs: 30_000, onLeaseExpiry: 'release' });
  const request = { id: 'one', principal: PRINCIPAL, tokens: 10, costNanoUsd: 100 };
  const { reservation } = (await store.acquire(request)) as Admission;
  expect(await store.renew(PRINCIPAL, ['one'])).toEqual([]);
  expect(await store.extend({ ...reservation, tokens: 20, costNanoUsd: 200 })).toMatchObject({ admitted: true });
  expect(await store.settle({ reservation, tokens: 5, costNanoUsd: 50 })).toBe('settled');
  expect((await store.usage(PRINCIPAL)).budgets[0]!.spentNanoUsd).toBe(50);
  expect((await store.audit([PRINCIPAL.org])).windows).toHaveLength(1);
  await store.sweep([PRINCIPAL.org]);
  await store.heartbeat();
  expect(await redisIdentity(client)).not.toBe('');
  await store.close();
}

describe('the documented user of Redis', () => {
  it('may call what the scripts call, and nothing more', () => {
    const scripts = readdirSync(SCRIPTS).map((name) => readFileSync(join(SCRIPTS, name), 'utf8'));
    const called = scripts.flatMap((text) => [...text.matchAll(/redis\.call\('(\w+)'/g)].map((match) => match[1]!));
    const needed = [...new Set(called.map((name) => name.toLowerCase())), ...OF_THE_CONNECTION];
    const granted = [...USER!.matchAll(/\+(\S+)/g)].map((match) => match[1]!);
    expect(granted.sort()).toEqual(needed.sort());
  });

  // Without the binary there is nothing to test against: the reason stands in the report.
  describe.skipIf(!hasRedisServer)('at a redis-server (skipped where none is installed)', () => {
    let server: RedisServer;
    let admin: Redis;
    let limited: QuotaRedis;

    beforeAll(async () => {
      server = await RedisServer.start();
      admin = new Redis(server.port, '127.0.0.1');
      await admin.call('ACL', 'SETUSER', ...USER!.split(' '));
      await admin.set('elsewhere', 'kept');
      limited = await connectedRedis(server.url.replace('//', '//gateway:REPLACE-ME@'));
    });
    afterAll(async () => {
      limited.disconnect();
      admin.disconnect();
      await server.stop();
    });

    it('does all that a quota store does', () => useEverything(limited));

    it('does so in a cluster with the commands that the documentation adds', async () => {
      const [, added] = /^In a cluster add `(.+)`/m.exec(DOCUMENT)!;
      const cluster = await RedisCluster.start();
      const admins = cluster.servers.map(({ port }) => new Redis(port, '127.0.0.1'));
      await Promise.all(admins.map((one) => one.call('ACL', 'SETUSER', ...USER!.split(' '), ...added!.split(' '))));
      const client = await connectedRedis(cluster.urls.replaceAll('//', '//gateway:REPLACE-ME@'));
      await useEverything(client);
      client.disconnect();
      for (const one of admins) one.disconnect();
      await cluster.stop();
    });

    it.each([
      ['FLUSHALL'],
      ['FLUSHDB'],
      ['CONFIG', 'GET', '*'],
      ['CONFIG', 'SET', 'dir', '/tmp'],
      ['KEYS', '*'],
      ['SCAN', '0'],
      ['ACL', 'LIST'],
      ['MONITOR'],
      ['SHUTDOWN'],
      ['REPLICAOF', 'example.com', '6379'],
      ['MODULE', 'LIST'],
      ['SCRIPT', 'FLUSH'],
      ['PUBLISH', 'q:channel', 'text'],
      ['GET', 'elsewhere'],
      ['SET', 'elsewhere', 'changed'],
      ['EVAL', "return redis.call('GET', KEYS[1])", '1', 'elsewhere'],
      ['EVAL', "return redis.call('SET', 'elsewhere', 'changed')", '0'],
      ['EVAL', "return redis.call('FLUSHALL')", '0'],
    ])('is refused $0 $1', async (command, ...args) => {
      await expect(limited.call(command, ...args)).rejects.toThrow(/NOPERM|The user executing the script can't/);
      expect(await admin.get('elsewhere')).toBe('kept');
    });
  });
});
