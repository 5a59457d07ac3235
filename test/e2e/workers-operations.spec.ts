import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import {
  ADMIN_KEY,
  call,
  change,
  ops,
  read,
  STARTS_WITHIN_MS,
  twoReady,
  workersOf,
} from '../support/worker-gateway.js';

const HELLO = { model: 'm', max_tokens: 4, messages: [{ role: 'user', content: 'Hi' }] };
const REVOKED_KEY = 'sk-revoked-0123456789abcdef';
const OPEN_METRICS = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5';

const CONFIG = {
  version: 1,
  chaos: { enabled: true },
  auth: {
    anonymous: { enabled: true, models: ['*'] },
    keys: [
      { id: 'admin', secret: ADMIN_KEY, role: 'admin', org: 'o', models: ['*'] },
      { id: 'other', secret: REVOKED_KEY, role: 'admin', org: 'o', models: ['*'] },
    ],
  },
  providers: [
    { name: 'p', kind: 'simulated', simulated: { firstTokenMs: 1, tokenMs: 1, tokens: 4 } },
    { name: 'spare', kind: 'simulated', simulated: { firstTokenMs: 1, tokenMs: 1, tokens: 4 } },
    { name: 'slow', kind: 'simulated', simulated: { firstTokenMs: 1, tokenMs: 10_000, tokens: 4 } },
  ],
  models: [
    {
      name: 'm',
      targets: [
        { provider: 'p', model: 'm' },
        { provider: 'spare', model: 'm' },
      ],
    },
    { name: 'slow', targets: [{ provider: 'slow', model: 'm' }] },
  ],
  resilience: { drain: { delayMs: 0, timeoutMs: 20_000 }, shedding: { enabled: false } },
};

interface Status {
  readonly config: { readonly version: string };
  readonly inFlight: number;
  readonly workers: readonly number[];
  readonly targets: readonly { readonly id: string; readonly limiter: { readonly inFlight: number } }[];
}

interface Objectives {
  readonly objectives: readonly {
    readonly slo: string;
    readonly windows: { readonly '1h': { readonly good: number } };
  }[];
}

interface Requests {
  readonly requests: readonly { readonly endedAt: number }[];
}

interface Traffic {
  readonly seconds: readonly { readonly at: number; readonly requests: number }[];
}

let folder: string;
let configPath: string;
async function start(): Promise<GatewayProcess> {
  folder = mkdtempSync(join(tmpdir(), 'workers-'));
  configPath = join(folder, 'gateway.yaml');
  writeFileSync(configPath, JSON.stringify(CONFIG));
  const env = { WORKERS: '2', CONFIG_PATH: configPath, GATEWAY_ALLOW_CHAOS: '1', LOG_LEVEL: 'info' };
  return GatewayProcess.start({ env }, STARTS_WITHIN_MS);
}

async function stop(gateway: GatewayProcess): Promise<void> {
  await gateway.stop('SIGTERM');
  rmSync(folder, { recursive: true });
}

describe('what operators of two workers see', { timeout: 120_000 }, () => {
  let gateway: GatewayProcess;
  beforeAll(async () => {
    gateway = await start();
    for (let sent = 0; sent < 40; sent++) expect(await call(gateway, HELLO)).toBe(true);
  }, 120_000);
  afterAll(() => stop(gateway));

  /** What each worker counts by itself, and what the gateway says of all. */
  async function both(path: string, count: (body: never) => number): Promise<{ each: number[]; all: number }> {
    const at = (worker?: number): string =>
      worker === undefined ? path : `${path}${path.includes('?') ? '&' : '?'}worker=${worker}`;
    const each = (await workersOf(gateway)).map(async ({ id }) => count(await read<never>(gateway, at(id))));
    return { each: await Promise.all(each), all: count(await read<never>(gateway, at())) };
  }

  const eventsOf = ({ objectives }: Objectives): number =>
    objectives.find(({ slo }) => slo === 'availability')!.windows['1h'].good;

  it.each([
    ['/admin/slo', eventsOf],
    ['/admin/requests?limit=1000', ({ requests }: Requests) => requests.length],
    ['/admin/traffic', ({ seconds }: Traffic) => seconds.reduce((sum, { requests }) => sum + requests, 0)],
  ] as [string, (body: never) => number][])('%s is of both workers', async (path, count) => {
    // A second of traffic counts when it is over.
    await expect.poll(async () => (await both(path, count)).all, { timeout: 10_000 }).toBe(40);
    const { each } = await both(path, count);
    expect(each.reduce((sum, part) => sum + part, 0)).toBe(40);
    expect(Math.min(...each)).toBeGreaterThan(0);
  });

  it('lists requests newest first, and no more than are asked for', async () => {
    const { requests } = await read<Requests>(gateway, '/admin/requests?limit=30');
    expect(requests).toHaveLength(30);
    const ends = requests.map(({ endedAt }) => endedAt);
    expect(ends).toEqual([...ends].sort((left, right) => right - left));
    expect((await ops(gateway, '/admin/requests?limit=0')).status).toBe(400);
  });

  it('shows what is in flight in both, once and as events', async () => {
    const stream = new AbortController();
    const body = JSON.stringify({ ...HELLO, model: 'slow', stream: true });
    const headers = { 'content-type': 'application/json' };
    const held = Array.from({ length: 6 }, () =>
      fetch(`${gateway.publicUrl}/v1/chat/completions`, { method: 'POST', headers, body, signal: stream.signal }),
    );
    await Promise.all(held);
    try {
      const status = await read<Status>(gateway, '/admin/status');
      expect(status.workers).toEqual((await workersOf(gateway)).map(({ id }) => id));
      expect(status.inFlight).toBe(6);
      const slow = status.targets.find(({ id }) => id.startsWith('slow'));
      expect(slow?.limiter.inFlight).toBe(6);
      const events = await ops(gateway, '/admin/events', { signal: stream.signal });
      expect(events.headers.get('content-type')).toBe('text/event-stream');
      let text = '';
      const reader = events.body!.pipeThrough(new TextDecoderStream()).getReader();
      while (text.split('\n\n').length < 3) text += (await reader.read()).value ?? '';
      for (const event of text.split('\n\n').slice(0, 2)) {
        expect(JSON.parse(event.replace(/^event: status\ndata: /, ''))).toMatchObject({ inFlight: 6 });
      }
    } finally {
      stream.abort();
    }
  });

  it('gives OpenMetrics to a scraper that asks for it', async () => {
    const answer = await fetch(`${gateway.opsUrl}/metrics`, { headers: { accept: OPEN_METRICS } });
    expect(answer.headers.get('content-type')).toContain('application/openmetrics-text');
    const text = await answer.text();
    expect(text).toContain('# TYPE gateway_requests counter\n');
    expect(text.endsWith('# EOF\n')).toBe(true);
    const plain = await fetch(`${gateway.opsUrl}/metrics`);
    expect(plain.headers.get('content-type')).toContain('version=0.0.4');
    expect(await plain.text()).toContain('# TYPE gateway_requests_total counter\n');
  });

  it.each(['/admin/status', '/admin/events', '/admin/slo', '/admin/requests', '/admin/traffic', '/admin/chaos'])(
    'shows %s to admins alone',
    async (path) => {
      expect((await fetch(`${gateway.opsUrl}${path}`)).status).toBe(401);
    },
  );
});

describe('what operators of two workers change', { timeout: 120_000 }, () => {
  let gateway: GatewayProcess;
  beforeEach(async () => (gateway = await start()), 120_000);
  afterEach(() => stop(gateway));

  const versions = async (): Promise<readonly (string | null)[]> => [
    ...new Set((await workersOf(gateway)).map(({ hash }) => hash)),
  ];
  const ofEach = async (path: string): Promise<readonly string[]> =>
    Promise.all((await workersOf(gateway)).map(async ({ id }) => (await ops(gateway, `${path}?worker=${id}`)).text()));
  /** Changes the file, and waits until both workers have seen it. */
  const fileTakenUp = async (maxInFlight: number): Promise<void> => {
    const before = await versions();
    writeFileSync(configPath, JSON.stringify({ ...CONFIG, limits: { maxInFlight } }));
    const changed = async (): Promise<boolean> => {
      const now = await versions();
      return now.length === 1 && now[0] !== before[0];
    };
    await expect.poll(changed, { timeout: 20_000, interval: 50 }).toBe(true);
  };
  /** Kills the oldest, then the other: nobody is left who was told by an operator. */
  const replaceAll = async (): Promise<void> => {
    const pids = (await workersOf(gateway)).map(({ pid }) => pid);
    for (const pid of pids) {
      process.kill(pid, 'SIGKILL');
      await twoReady(gateway, [pid]);
    }
  };

  it('is in force in both, and in workers that start later', async () => {
    await change(gateway, '/admin/providers/p/drain');
    await change(gateway, '/admin/providers/spare/weight', { weight: 7, ttlMs: 600_000 });
    await change(gateway, '/admin/log-level', { level: 'warn' });
    const experiment = { id: 'slow', fault: { type: 'latency', ms: 1 }, scope: { token: true }, ttlMs: 600_000 };
    await change(gateway, '/admin/chaos', experiment);
    const tokens = async (): Promise<readonly unknown[]> =>
      (await ofEach('/admin/chaos')).map(
        (text) => (JSON.parse(text) as { experiments: { token: string }[] }).experiments[0]?.token,
      );
    const [token] = await tokens();
    const holds = async (): Promise<void> => {
      for (const text of await ofEach('/admin/status')) {
        expect(JSON.parse(text)).toMatchObject({
          overrides: expect.arrayContaining([
            expect.objectContaining({ provider: 'p', drained: true }),
            expect.objectContaining({ provider: 'spare', weight: 7 }),
          ]) as unknown,
        });
      }
      for (const text of await ofEach('/admin/audit-log')) {
        const { entries } = JSON.parse(text) as { entries: { what: string }[] };
        expect(entries.map(({ what }) => what)).toEqual(['chaos-start', 'log-level', 'weight', 'drain']);
      }
    };
    await holds();
    await replaceAll();
    await holds();
    // Each takes a token that a worker gave out which is gone.
    for (let sent = 0; sent < 4; sent++) {
      const answer = await gateway.post(HELLO, { 'x-chaos': token as string, connection: 'close' });
      expect(answer.status).toBe(200);
      await answer.text();
    }
    expect(await read(gateway, '/admin/chaos')).toMatchObject({ experiments: [{ id: 'slow', hits: 4 }] });
    await change(gateway, '/admin/log-level', { level: 'info' });
    const { entries } = await read<{ entries: { details: object }[] }>(gateway, '/admin/audit-log');
    expect(entries[0]?.details).toEqual({ from: 'warn', to: 'info' });
  });

  it('reloads both, or neither', async () => {
    const before = await versions();
    writeFileSync(configPath, 'version: nonsense');
    expect(await change(gateway, '/admin/config/reload')).toMatchObject({ result: 'rejected' });
    expect(await versions()).toEqual(before);
    writeFileSync(configPath, JSON.stringify({ ...CONFIG, limits: { maxInFlight: 100 } }));
    await change(gateway, '/admin/config/reload');
    const after = await versions();
    expect(after).toHaveLength(1);
    expect(after).not.toEqual(before);
  });

  it('starts workers with a version that was rolled back to, which the next change of the file replaces', async () => {
    const [first] = await versions();
    await fileTakenUp(100);
    const [second] = await versions();
    await change(gateway, '/admin/config/rollback', { version: first! });
    await replaceAll();
    expect(await versions()).toEqual([first]);
    // What workers remember that are gone, those that live can go back to.
    await change(gateway, '/admin/config/rollback', { version: second! });
    expect(await versions()).toEqual([second]);
    await fileTakenUp(200);
  });

  it('starts workers with the last good version while the file is bad, and says that it is', async () => {
    const before = await versions();
    writeFileSync(configPath, 'version: nonsense');
    await expect.poll(async () => (await gateway.metrics()).get('gateway_config_valid'), { timeout: 20_000 }).toBe(0);
    await replaceAll();
    expect(await versions()).toEqual(before);
    await expect
      .poll(async () => (await ofEach('/admin/config/history')).filter((text) => text.includes('"rejected"')).length)
      .toBe(2);
    expect((await gateway.metrics()).get('gateway_config_valid')).toBe(0);
    expect(await call(gateway, HELLO)).toBe(true);
  });

  it('revokes a key in both, and ends what it reads', async () => {
    const headers = { authorization: `Bearer ${REVOKED_KEY}` };
    const events = await fetch(`${gateway.opsUrl}/admin/events`, { headers });
    expect(events.status).toBe(200);
    const keys = CONFIG.auth.keys.filter(({ id }) => id !== 'other');
    writeFileSync(configPath, JSON.stringify({ ...CONFIG, auth: { ...CONFIG.auth, keys } }));
    await change(gateway, '/admin/config/reload');
    await events.text();
    for (const { id } of await workersOf(gateway)) {
      expect((await fetch(`${gateway.opsUrl}/admin/status?worker=${id}`, { headers })).status).toBe(401);
    }
  });
});
