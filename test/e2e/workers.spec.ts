import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { hasRedisServer, RedisServer } from '../support/redis-server.js';
import { ADMIN_KEY, call, ops, STARTS_WITHIN_MS, twoReady, workersOf } from '../support/worker-gateway.js';

const BUDGET_REQUESTS = 50;
const TOKENS = 16;
const HELLO = { model: 'm', max_tokens: TOKENS, messages: [{ role: 'user', content: 'Hi' }] };

const CONFIG = {
  version: 1,
  auth: {
    anonymous: { enabled: true, models: ['*'] },
    keys: [
      { id: 'admin', secret: ADMIN_KEY, role: 'admin', org: 'o', models: ['*'] },
      {
        id: 'limited',
        secret: 'sk-limited-0123456789abcdef',
        org: 'o',
        models: ['*'],
        limits: { requestsPerMinute: 1, requestBurst: BUDGET_REQUESTS },
      },
      {
        id: 'paying',
        secret: 'sk-paying-0123456789abcdef',
        org: 'o',
        models: ['*'],
        budgets: [{ scope: 'key', window: '30d', usd: (BUDGET_REQUESTS * TOKENS) / 1_000_000 }],
      },
      {
        id: 'warming',
        secret: 'sk-warming-0123456789abcdef',
        org: 'o',
        models: ['*'],
        budgets: [{ scope: 'key', window: '30d', usd: 100 }],
      },
    ],
  },
  providers: [{ name: 'p', kind: 'simulated', simulated: { firstTokenMs: 5, tokenMs: 5, tokens: TOKENS } }],
  // Only answers cost, and all are of the length that is reserved.
  models: [{ name: 'm', targets: [{ provider: 'p', model: 'm' }], price: { inputPerMillion: 0, outputPerMillion: 1 } }],
  resilience: { drain: { delayMs: 300, timeoutMs: 20_000 }, shedding: { enabled: false } },
};

/** @returns how many failed of `count`, 20 at a time, streams and plain answers in turn */
async function load(gateway: GatewayProcess, count: number): Promise<number> {
  let sent = 0;
  let failed = 0;
  const caller = async (): Promise<void> => {
    while (sent < count) if (!(await call(gateway, { ...HELLO, stream: sent++ % 2 === 0 }))) failed++;
  };
  await Promise.all(Array.from({ length: 20 }, caller));
  return failed;
}

async function countedBy(gateway: GatewayProcess): Promise<number> {
  return [...(await gateway.metrics())]
    .filter(([series]) => series.startsWith('gateway_requests_total{'))
    .reduce((sum, [, value]) => sum + value, 0);
}

describe('a gateway of one process', () => {
  it('has no workers to show', async () => {
    const gateway = await GatewayProcess.start({ config: CONFIG, env: { WORKERS: '1' } }, STARTS_WITHIN_MS);
    try {
      expect((await ops(gateway, '/admin/workers')).status).toBe(404);
      expect((await gateway.metrics()).has('gateway_config_hash')).toBe(true);
    } finally {
      await gateway.stop('SIGTERM');
    }
  });
});

describe('a gateway of two workers', { timeout: 120_000 }, () => {
  let gateway: GatewayProcess;
  let folder: string;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'workers-'));
    const configPath = join(folder, 'gateway.yaml');
    writeFileSync(configPath, JSON.stringify(CONFIG));
    mkdirSync(join(folder, 'tmp'));
    const env = { WORKERS: '2', CONFIG_PATH: configPath, TMPDIR: join(folder, 'tmp') };
    gateway = await GatewayProcess.start({ env }, STARTS_WITHIN_MS);
  });
  afterEach(async () => {
    await gateway.stop('SIGTERM');
    // A socket has a directory of its own.
    expect(readdirSync(join(folder, 'tmp'))).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  it.each([
    ['a call', async () => expect((await ops(gateway, '/admin/workers/restart', { method: 'POST' })).status).toBe(202)],
    ['SIGUSR2', () => gateway.child.kill('SIGUSR2')],
  ])('restarts one by one at %s, drops nothing, and no total goes backwards', async (_how, restart) => {
    const before = (await workersOf(gateway)).map(({ pid }) => pid);
    await restart();
    let rolling = true;
    let sent = 0;
    let failed = 0;
    const loading = (async () => {
      for (; rolling; sent += 40) failed += await load(gateway, 40);
    })();
    const totals: number[] = [];
    const watching = (async () => {
      while (rolling) totals.push(await countedBy(gateway));
    })();
    try {
      await twoReady(gateway, before);
    } finally {
      rolling = false;
      await Promise.all([loading, watching]);
    }
    expect(failed).toBe(0);
    expect(totals).toEqual([...totals].sort((a, b) => a - b));
    await expect.poll(() => countedBy(gateway)).toBe(sent);
  });

  it('keeps what a killed worker had told', async () => {
    expect(await load(gateway, 20)).toBe(0);
    await expect.poll(() => countedBy(gateway)).toBe(20);
    const [first] = await workersOf(gateway);
    process.kill(first!.pid, 'SIGKILL');
    await twoReady(gateway, [first!.pid]);
    expect(await load(gateway, 20)).toBe(0);
    await expect.poll(() => countedBy(gateway)).toBe(40);
  });

  it('gives up, and says so, when no replacement starts', async () => {
    const [first] = await workersOf(gateway);
    // Without a place for its socket none starts.
    rmSync(join(folder, 'tmp'), { recursive: true });
    process.kill(first!.pid, 'SIGKILL');
    await gateway.until(() => gateway.exited, 90_000);
    expect(gateway.child.exitCode).toBe(1);
    expect(gateway.stderr).toContain('workers end faster than they may be replaced: the gateway ends\n');
    mkdirSync(join(folder, 'tmp'));
  });

  it('lets exactly as many requests through as a limit grants, over both workers', async () => {
    const headers = { authorization: 'Bearer sk-limited-0123456789abcdef' };
    const answers = await Promise.all(
      Array.from({ length: BUDGET_REQUESTS * 2 }, async () => (await gateway.post(HELLO, headers)).status),
    );
    expect(answers.filter((status) => status === 200)).toHaveLength(BUDGET_REQUESTS);
    expect(answers.filter((status) => status === 429)).toHaveLength(BUDGET_REQUESTS);
  });

  it('drains at SIGTERM: streams end whole, and it exits 0', async () => {
    const open = await Promise.all(Array.from({ length: 20 }, () => gateway.post({ ...HELLO, stream: true })));
    const stopped = gateway.stop('SIGTERM');
    const texts = await Promise.all(open.map((response) => response.text()));
    expect(texts.filter((text) => !text.endsWith('data: [DONE]\n\n'))).toEqual([]);
    expect(await stopped).toBe(0);
  });

  it('finds a request whichever worker served it, and shows keys of admins alone', async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, () => gateway.post(HELLO)));
    for (const answer of answers) {
      await answer.text();
      const id = answer.headers.get('x-request-id') ?? '';
      await expect.poll(async () => (await ops(gateway, `/admin/requests/${id}`)).status).toBe(200);
    }
    expect((await fetch(`${gateway.opsUrl}/v1/ready`)).status).toBe(200);
    expect((await fetch(`${gateway.opsUrl}/admin/workers`)).status).toBe(401);
    expect((await fetch(`${gateway.opsUrl}/admin/workers/restart`, { method: 'POST' })).status).toBe(401);
    expect((await ops(gateway, '/admin/status?worker=99')).status).toBe(404);
  });
});

describe.skipIf(!hasRedisServer)('a gateway of two workers with Redis', { timeout: 120_000 }, () => {
  it('spends exactly a budget, over both workers', async () => {
    const redis = await RedisServer.start();
    const env = { WORKERS: '2', REDIS_URL: redis.url };
    const gateway = await GatewayProcess.start({ config: CONFIG, env }, STARTS_WITHIN_MS);
    try {
      // Cold, a store may be missed for once, and then for a second; a worker counts itself with its next heartbeat.
      await expect
        .poll(async () => (await gateway.metrics()).get('gateway_quota_gateways'), { timeout: 30_000 })
        .toBe(2);
      const ask = async (key: string): Promise<number> => {
        const answer = await gateway.post(HELLO, { authorization: `Bearer sk-${key}-0123456789abcdef` });
        await answer.text();
        return answer.status;
      };
      for (let inARow = 0; inARow < 40;) inARow = (await ask('warming')) === 200 ? inARow + 1 : 0;
      expect((await gateway.metrics()).get('gateway_redis_up')).toBe(1);
      // A request that missed the store is refused, not decided: its caller asks again.
      const decided = async (): Promise<number> => {
        for (;;) {
          const status = await ask('paying');
          if (status !== 503) return status;
        }
      };
      const answers = await Promise.all(Array.from({ length: BUDGET_REQUESTS * 2 }, decided));
      expect(answers.filter((status) => status === 200)).toHaveLength(BUDGET_REQUESTS);
      expect(answers.filter((status) => status === 429)).toHaveLength(BUDGET_REQUESTS);
    } finally {
      await gateway.stop('SIGTERM');
      await redis.stop();
    }
  });
});
