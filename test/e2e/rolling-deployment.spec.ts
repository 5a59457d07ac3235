import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { hasRedisServer, RedisServer } from '../support/redis-server.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';
import { answers } from '../support/upstream-scripts.js';

const KEY = 'test-key-of-the-deployment-0123456789';
const CALLERS = { authorization: `Bearer ${KEY}` };
const ASK = { model: 'm', max_tokens: 10, messages: [{ role: 'user', content: 'Hi' }] };
/** As the upstream reports it: 8 tokens, each at 1,000 USD per million. */
const USD_PER_REQUEST = 0.008;
const AT_ONCE = 8;

// Needs Debian's redis-server; continuous integration installs it.
describe.skipIf(!hasRedisServer)('a rolling deployment under load, with one Redis', () => {
  let redis: RedisServer;
  let upstream: ScriptedUpstream;
  const gateways: GatewayProcess[] = [];

  const start = async (): Promise<GatewayProcess> => {
    const gateway = await GatewayProcess.start({
      env: { REDIS_URL: redis.url },
      config: {
        version: 1,
        auth: {
          anonymous: { enabled: false },
          keys: [{ id: 'k', secret: KEY, budgets: [{ scope: 'key', window: '30d', usd: 100_000 }] }],
        },
        providers: [{ name: 'up', kind: 'openai', baseUrl: upstream.baseUrl, allowPrivate: true }],
        models: [
          {
            name: 'm',
            targets: [{ provider: 'up', model: 'm' }],
            price: { inputPerMillion: 1000, outputPerMillion: 1000 },
          },
        ],
        quota: { leaseMs: 8000 },
        resilience: { drain: { delayMs: 300, timeoutMs: 20_000 } },
      },
    });
    gateways.push(gateway);
    return gateway;
  };

  beforeAll(async () => {
    redis = await RedisServer.start();
    upstream = await ScriptedUpstream.start(answers('well', 5));
  });
  afterAll(async () => {
    await Promise.all(gateways.map((gateway) => gateway.stop()));
    await upstream.stop();
    await redis.stop();
  });

  it('fails no request, streamed or plain, and spends exactly what was answered', async () => {
    let serving = await start();
    let loading = true;
    const bad: string[] = [];
    let good = 0;
    const caller = async (stream: boolean): Promise<void> => {
      while (loading) {
        const response = await serving.post({ ...ASK, stream }, CALLERS);
        const text = await response.text();
        // A busy machine may miss the store's 50 ms: refused, not lost.
        if (response.status === 503 && text.includes('quota_backend_unavailable')) continue;
        if (response.status === 200 && text.includes('"well"')) good++;
        else bad.push(`${response.status} ${text}`);
      }
    };
    const callers = Array.from({ length: AT_ONCE }, (_, n) => caller(n % 2 === 0));
    for (let version = 2; version <= 4; version++) {
      const next = await start();
      const old = serving;
      // What the router does when it hears of it: the old one is told to stop before.
      const stopped = old.stop('SIGTERM');
      serving = next;
      expect(await stopped).toBe(0);
      const before = good;
      await expect.poll(() => good, { timeout: 20_000 }).toBeGreaterThan(before + 20);
    }
    loading = false;
    await Promise.all(callers);
    expect(bad).toEqual([]);
    const spent = async (): Promise<{ spentUsd: string; reservedUsd: string } | undefined> => {
      const answer = await fetch(`${serving.publicUrl}/v1/usage`, { headers: CALLERS });
      const { budgets } = (await answer.json()) as { budgets?: { spentUsd: string; reservedUsd: string }[] };
      return budgets?.[0];
    };
    await expect.poll(async () => (await spent())?.reservedUsd, { timeout: 10_000 }).toBe('0');
    expect(Number((await spent())?.spentUsd)).toBeCloseTo(good * USD_PER_REQUEST, 9);
    expect(upstream.received).toHaveLength(good);
  });
});
