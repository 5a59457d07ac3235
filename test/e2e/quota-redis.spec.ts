import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { hasRedisServer, RedisServer } from '../support/redis-server.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';

const KEY = (id: string): string => `test-key-of-${id}-0123456789`;
const bearer = (id: string): Record<string, string> => ({ authorization: `Bearer ${KEY(id)}` });
const HELLO = { model: 'm', max_tokens: 100, messages: [{ role: 'user', content: 'hi' }] };
const WORST_TOKENS = Math.ceil(JSON.stringify(HELLO).length / 2) + 8 + 100;
const usdFor = (requests: number): number => (WORST_TOKENS * 1000 * requests) / 1e9;

interface Usage {
  readonly concurrentRequests: number;
  readonly budgets: readonly { readonly spentUsd: string; readonly reservedUsd: string; readonly limitUsd: string }[];
}

// Needs Debian's redis-server; continuous integration installs it.
describe.skipIf(!hasRedisServer)('quotas shared by two gateways through a real Redis', () => {
  let redis: RedisServer;
  let upstream: ScriptedUpstream;
  let gateways: GatewayProcess[] = [];
  let hold: Promise<void> = Promise.resolve();

  const start = (): Promise<GatewayProcess> => {
    const key = (id: string, more: object) => ({ id, secret: KEY(id), ...more });
    return GatewayProcess.start({
      env: { REDIS_URL: redis.url },
      config: {
        version: 1,
        auth: {
          anonymous: { enabled: false },
          keys: [
            key('ops', { role: 'admin' }),
            key('hundred', { budgets: [{ scope: 'key', window: '30d', usd: usdFor(100) }] }),
            key('fifty', {
              budgets: [{ scope: 'org', window: '30d', usd: usdFor(50) }],
              limits: { concurrentRequests: 50 },
            }),
            key('outage', { budgets: [{ scope: 'key', window: '30d', usd: 1 }] }),
            key('allowed', { budgets: [{ scope: 'key', window: '30d', usd: 1 }], budgetOnRedisDown: 'allow' }),
            key('rate', { limits: { requestsPerMinute: 600, requestBurst: 100 } }),
          ],
        },
        providers: [
          { name: 'up', kind: 'vllm', baseUrl: upstream.baseUrl, allowPrivate: true, probe: { enabled: false } },
        ],
        models: [
          { name: 'm', targets: [{ provider: 'up', model: 'm' }], price: { inputPerMillion: 1, outputPerMillion: 1 } },
        ],
        // Longer than a busy machine may hold a gateway's renewals up: a lost lease rightly ends its request.
        quota: { leaseMs: 8000 },
      },
    });
  };

  beforeAll(async () => {
    redis = await RedisServer.start();
    upstream = await ScriptedUpstream.start(async (_request, response) => {
      await hold;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({
          id: 'c',
          object: 'chat.completion',
          created: 1,
          model: 'm',
          choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
          usage: { prompt_tokens: WORST_TOKENS - 100, completion_tokens: 100 },
        }),
      );
    });
    gateways = await Promise.all([start(), start()]);
  });
  afterAll(async () => {
    await Promise.all(gateways.map((gateway) => gateway.stop()));
    await upstream.stop();
    await redis.stop();
  });

  const usageOf = async (id: string, gateway = gateways[0]!): Promise<Usage | undefined> => {
    const answer = await fetch(`${gateway.publicUrl}/v1/usage`, { headers: bearer(id) });
    const usage = (await answer.json()) as Usage;
    // As below: a store that was missed for once has nothing to tell.
    return answer.status === 503 ? undefined : usage;
  };
  /** Asks again until the answer is as wanted: settlements reach Redis after the caller has its answer. */
  const eventually = async (id: string, wanted: (usage: Usage) => boolean, gateway = gateways[0]!): Promise<Usage> => {
    for (;;) {
      const usage = await usageOf(id, gateway);
      if (usage && wanted(usage)) return usage;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };

  /** A machine under load may miss the store's 50 ms: such a request is refused, not decided, and its caller tries again. */
  const decided = async (gateway: GatewayProcess, id: string): Promise<Response> => {
    for (;;) {
      const answer = await gateway.post(HELLO, bearer(id));
      if (answer.status !== 503) return answer;
      await answer.text();
    }
  };

  it('share it from their first request on: none began before it was connected', () => {
    const modes = gateways.flatMap(({ log }) => log.filter(({ msg }) => msg === 'quota store mode'));
    expect(modes.filter(({ reason }) => String(reason).includes('writeable'))).toEqual([]);
  });

  it('lets exactly 100 of 400 requests through a budget for 100, and spends exactly the limit', async () => {
    const asked = gateways.flatMap((gateway) => Array.from({ length: 200 }, () => decided(gateway, 'hundred')));
    const answers = await Promise.all(asked);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(100);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(300);
    expect(upstream.received).toHaveLength(100);
    const { budgets } = await eventually('hundred', ({ budgets: [budget] }) => budget!.reservedUsd === '0');
    expect(budgets[0]!.spentUsd).toBe(budgets[0]!.limitUsd);
  });

  it('gives everything back that a killed gateway held', async () => {
    let open = (): void => undefined;
    hold = new Promise((resolve) => (open = resolve));
    const doomed = await start();
    const before = upstream.received.length;
    const lost = Array.from({ length: 50 }, () => decided(doomed, 'fifty').catch(() => undefined));
    await gateways[0]!.until(() => upstream.received.length === before + 50);
    expect((await decided(gateways[0]!, 'fifty')).status).toBe(429);
    await doomed.stop('SIGKILL');
    await Promise.all(lost);
    open();
    hold = Promise.resolve();
    const usage = await eventually(
      'fifty',
      ({ concurrentRequests, budgets: [budget] }) => concurrentRequests === 0 && budget!.reservedUsd === '0',
    );
    expect(usage.budgets[0]!.spentUsd).toBe('0');
    expect((await decided(gateways[0]!, 'fifty')).status).toBe(200);
    await eventually('fifty', ({ budgets: [budget] }) => budget!.reservedUsd === '0');
  });

  it('shows operators of either gateway the usage of both, and accounts that are right', async () => {
    const ask = async (path: string, gateway: GatewayProcess): Promise<unknown> =>
      (await fetch(`${gateway.opsUrl}/admin/${path}`, { headers: bearer('ops') })).json();
    for (const gateway of gateways) {
      expect(await ask('usage?by=org', gateway)).toMatchObject({
        entries: expect.arrayContaining([
          expect.objectContaining({
            org: 'fifty',
            budgets: [expect.objectContaining({ window: '30d', spentUsd: String(usdFor(1)), reservedUsd: '0' })],
          }),
        ]) as unknown,
      });
      expect(await ask('audit', gateway)).toMatchObject({ consistent: true, reservations: 0, violations: [] });
    }
  });

  it('without Redis: budgets fail closed unless the key says otherwise, rates go on, nothing hangs, and it heals', async () => {
    const gateway = gateways[0]!;
    const transitions = (mode: string): number => gateway.log.filter((line) => line.mode === mode).length;
    const before = { local: transitions('local'), shared: transitions('shared') };
    await redis.kill();
    await gateway.until(() => transitions('local') > before.local);
    const gauges = async (): Promise<string> => (await fetch(`${gateway.opsUrl}/metrics`)).text();
    expect(await gauges()).toMatch(/^gateway_redis_up 0$/m);
    expect(await gauges()).toMatch(/^gateway_quota_fail_closed_keys 3$/m);
    await expect
      .poll(gauges, { timeout: 10_000 })
      .toMatch(/^gateway_quota_store_errors_total\{operation="\w+"\} [1-9]/m);
    const denied = await gateway.post(HELLO, bearer('outage'));
    expect(denied.status).toBe(503);
    expect(await denied.json()).toMatchObject({ error: { code: 'quota_backend_unavailable' } });
    expect((await gateway.post(HELLO, bearer('allowed'))).status).toBe(200);
    await expect.poll(gauges).toMatch(/^gateway_settlement_journal_entries [1-9]/m);
    expect((await gateway.post(HELLO, bearer('rate'))).status).toBe(200);
    expect((await fetch(`${gateway.publicUrl}/v1/health`)).status).toBe(200);
    expect((await fetch(`${gateway.opsUrl}/admin/audit`, { headers: bearer('ops') })).status).toBe(503);
    await redis.restart();
    await gateway.until(() => transitions('shared') > before.shared);
    expect((await decided(gateway, 'outage')).status).toBe(200);
    const { budgets } = await eventually('allowed', ({ budgets: [budget] }) => budget!.spentUsd !== '0');
    expect(budgets[0]!.spentUsd).toBe(String(usdFor(1)));
    const healed = await gauges();
    expect(healed).toMatch(/^gateway_redis_up 1$/m);
    expect(healed).toMatch(/^gateway_settlement_journal_entries 0$/m);
    expect(healed).toMatch(/^gateway_quota_store_latency_seconds_count\{operation="acquire"\} [1-9]/m);
  });
});
