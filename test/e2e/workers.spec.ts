import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { hasRedisServer, RedisServer } from '../support/redis-server.js';

const BUDGET_REQUESTS = 50;
const ADMIN = 'Bearer sk-admin-0123456789abcdef';
/** Two processes on a busy machine. */
const STARTS_WITHIN_MS = 60_000;
const TOKENS = 16;
const HELLO = { model: 'm', max_tokens: TOKENS, messages: [{ role: 'user', content: 'Hi' }] };

interface WorkerRow {
  readonly id: number;
  readonly pid: number;
  readonly state: string;
  readonly hash: string | null;
}

const CONFIG = {
  version: 1,
  auth: {
    anonymous: { enabled: true, models: ['*'] },
    keys: [
      { id: 'admin', secret: 'sk-admin-0123456789abcdef', role: 'admin', org: 'o', models: ['*'] },
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

/** One request on a connection of its own: whether it was answered whole. */
function call(gateway: GatewayProcess, stream: boolean): Promise<boolean> {
  const body = JSON.stringify({ ...HELLO, stream });
  const headers = { 'content-type': 'application/json', 'content-length': body.length };
  return new Promise((resolve) => {
    const url = `${gateway.publicUrl}/v1/chat/completions`;
    const outgoing = request(url, { method: 'POST', agent: false, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.once('error', () => resolve(false));
      response.once('end', () => {
        resolve(response.statusCode === 200 && (stream ? text.endsWith('data: [DONE]\n\n') : text.endsWith('}')));
      });
    });
    outgoing.once('error', () => resolve(false));
    outgoing.end(body);
  });
}

/** @returns how many failed of `count`, 20 at a time, streams and plain answers in turn */
async function load(gateway: GatewayProcess, count: number): Promise<number> {
  let sent = 0;
  let failed = 0;
  const caller = async (): Promise<void> => {
    while (sent < count) if (!(await call(gateway, sent++ % 2 === 0))) failed++;
  };
  await Promise.all(Array.from({ length: 20 }, caller));
  return failed;
}

function ops({ opsUrl }: GatewayProcess, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set('authorization', ADMIN);
  return fetch(`${opsUrl}${path}`, { ...init, headers });
}

async function workersOf(gateway: GatewayProcess): Promise<readonly WorkerRow[]> {
  return ((await (await ops(gateway, '/admin/workers')).json()) as { workers: WorkerRow[] }).workers;
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
  let configPath: string;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'workers-'));
    configPath = join(folder, 'gateway.yaml');
    writeFileSync(configPath, JSON.stringify({ ...CONFIG, chaos: { enabled: true } }));
    mkdirSync(join(folder, 'tmp'));
    const env = { WORKERS: '2', CONFIG_PATH: configPath, TMPDIR: join(folder, 'tmp'), GATEWAY_ALLOW_CHAOS: '1' };
    gateway = await GatewayProcess.start({ env }, STARTS_WITHIN_MS);
  });
  afterEach(async () => {
    await gateway.stop('SIGTERM');
    // A socket has a directory of its own.
    expect(readdirSync(join(folder, 'tmp'))).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  const twoReady = async (without: readonly number[]): Promise<void> => {
    await expect
      .poll(
        async () => {
          const rows = await workersOf(gateway);
          return rows.filter(({ pid, state }) => state === 'ready' && !without.includes(pid)).length;
        },
        { timeout: 60_000, interval: 100 },
      )
      .toBe(2);
    await expect.poll(async () => (await workersOf(gateway)).length, { timeout: 30_000, interval: 100 }).toBe(2);
  };

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
      await twoReady(before);
    } finally {
      rolling = false;
      await Promise.all([loading, watching]);
    }
    expect(failed).toBe(0);
    expect(totals).toEqual([...totals].sort((a, b) => a - b));
    await expect.poll(() => countedBy(gateway)).toBe(sent);
  });

  it('keeps what a killed worker had told, and replaces it by one that has what operators set', async () => {
    expect(await load(gateway, 20)).toBe(0);
    await expect.poll(() => countedBy(gateway)).toBe(20);
    const json = { 'content-type': 'application/json' };
    const experiment = { id: 'slow', fault: { type: 'latency', ms: 1 }, ttlMs: 600_000 };
    const body = JSON.stringify(experiment);
    expect((await ops(gateway, '/admin/chaos', { method: 'POST', body, headers: json })).status).toBe(200);
    expect((await ops(gateway, '/admin/providers/p/drain', { method: 'POST' })).status).toBe(200);
    const [first] = await workersOf(gateway);
    process.kill(first!.pid, 'SIGKILL');
    await twoReady([first!.pid]);
    for (const { id } of await workersOf(gateway)) {
      expect(await (await ops(gateway, `/admin/status?worker=${id}`)).text()).toContain('"drained":true');
      expect(await (await ops(gateway, `/admin/chaos?worker=${id}`)).text()).toContain('"id":"slow"');
    }
    expect((await ops(gateway, '/admin/providers/p/undrain', { method: 'POST' })).status).toBe(200);
    expect(await load(gateway, 20)).toBe(0);
    await expect.poll(() => countedBy(gateway)).toBe(40);
  });

  it('gives up, and says so, when no replacement starts', async () => {
    const [first] = await workersOf(gateway);
    writeFileSync(configPath, 'version: nonsense');
    process.kill(first!.pid, 'SIGKILL');
    await gateway.until(() => gateway.exited, 90_000);
    expect(gateway.child.exitCode).toBe(1);
    expect(gateway.stderr).toContain('workers end faster than they may be replaced: the gateway ends\n');
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

  it('reloads both, or neither', async () => {
    const reload = async (): Promise<unknown> =>
      (await ops(gateway, '/admin/config/reload', { method: 'POST' })).json();
    const hashes = async (): Promise<readonly (string | null)[]> => [
      ...new Set((await workersOf(gateway)).map(({ hash }) => hash)),
    ];
    const [first] = await hashes();
    writeFileSync(configPath, 'version: nonsense');
    expect(await reload()).toMatchObject({ result: 'rejected' });
    expect(await hashes()).toEqual([first]);
    writeFileSync(configPath, JSON.stringify({ ...CONFIG, limits: { maxInFlight: 100 } }));
    await reload();
    const changed = await hashes();
    expect(changed).toHaveLength(1);
    expect(changed[0]).not.toBe(first);
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
