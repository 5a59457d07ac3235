import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { GatewayProcess } from '../support/gateway-process.js';
import { hasRedisServer, RedisServer } from '../support/redis-server.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';
import { answers } from '../support/upstream-scripts.js';

const ADMIN = 'admin-secret-0123456789';
const CLIENT = 'client-secret-0123456789';
const ASK = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] };
const MINUTE = 60_000;

interface Shown {
  readonly enabled: boolean;
  readonly experiments: readonly { id: string; hits: number; remainingMs: number; token: string | null }[];
}

/** Two real upstreams, the second a substitute, behind a gateway that allows chaos. */
class ChaosLab {
  private constructor(
    readonly upstreams: readonly ScriptedUpstream[],
    readonly gateway: GatewayProcess,
  ) {}

  static async start(chaos: object = { enabled: true }, env: Record<string, string> = {}): Promise<ChaosLab> {
    const upstreams = [await ScriptedUpstream.start(answers('a')), await ScriptedUpstream.start(answers('b'))];
    const gateway = await GatewayProcess.start({
      config: labConfig(
        upstreams.map(({ baseUrl }) => baseUrl),
        chaos,
      ),
      env: { GATEWAY_ALLOW_CHAOS: '1', ...env },
    });
    return new ChaosLab(upstreams, gateway);
  }

  admin(method: string, path = '', body?: unknown, key = ADMIN): Promise<Response> {
    return fetch(`${this.gateway.opsUrl}/admin/chaos${path}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  }

  async started(fault: object, more: object = {}): Promise<Shown> {
    const experiment = { id: 'x', fault, scope: { provider: 'a' }, ttlMs: MINUTE, ...more };
    const response = await this.admin('POST', '', experiment);
    const text = await response.text();
    expect(response.status, text).toBe(200);
    return JSON.parse(text) as Shown;
  }

  async shown(): Promise<Shown> {
    return (await (await this.admin('GET')).json()) as Shown;
  }

  async ask(headers: Record<string, string> = {}, body: object = ASK): Promise<{ response: Response; text: string }> {
    const response = await this.gateway.post(body, { authorization: `Bearer ${CLIENT}`, ...headers });
    return { response, text: await response.text() };
  }

  /** Who answers one request. */
  async provider(headers: Record<string, string> = {}): Promise<string | null> {
    return (await this.ask(headers)).response.headers.get('x-gateway-provider');
  }

  async breaker(): Promise<string> {
    const response = await fetch(`${this.gateway.opsUrl}/admin/status`, {
      headers: { authorization: `Bearer ${ADMIN}` },
    });
    const { targets } = (await response.json()) as { targets: { provider: string; breaker: { state: string } }[] };
    return targets.find(({ provider }) => provider === 'a')?.breaker.state ?? '';
  }

  async stop(): Promise<void> {
    await Promise.all([this.gateway.stop(), ...this.upstreams.map((upstream) => upstream.stop())]);
  }
}

function labConfig(urls: readonly string[], chaos: object): Record<string, unknown> {
  return {
    version: 1,
    auth: {
      keys: [
        { id: 'ops', secret: ADMIN, role: 'admin' },
        { id: 'app', secret: CLIENT, limits: { requestsPerMinute: 60_000, requestBurst: 60_000 } },
      ],
    },
    providers: ['a', 'b'].map((name, at) => ({
      name,
      kind: 'openai',
      baseUrl: urls[at],
      allowPrivate: true,
      timeouts: { connectMs: 500, firstTokenMs: 400, idleMs: 400, totalMs: 5_000 },
    })),
    models: [
      {
        name: 'm',
        targets: [
          { provider: 'a', model: 'm' },
          { provider: 'b', model: 'm', tier: 1 },
        ],
      },
    ],
    resilience: {
      breaker: { openMs: 300, maxOpenMs: 300, probeSuccesses: 1, slowStartMs: 0 },
      shedding: { enabled: false },
    },
    chaos,
  };
}

describe('chaos by the operations API', () => {
  let lab: ChaosLab;
  beforeAll(async () => (lab = await ChaosLab.start()));
  afterEach(async () => {
    await lab.admin('DELETE');
    await expect.poll(() => lab.provider(), { timeout: 20_000 }).toBe('a');
  });
  afterAll(() => lab.stop());

  it('opens the breaker and moves the traffic; the end of the experiment brings both back', async () => {
    expect(await lab.provider()).toBe('a');
    await lab.started({ type: 'error', status: 500 });
    for (let turn = 0; turn < 10; turn++) expect(await lab.provider()).toBe('b');
    expect(await lab.breaker()).not.toBe('closed');
    expect((await lab.admin('DELETE', '/x')).status).toBe(200);
    expect((await lab.shown()).experiments).toEqual([]);
    await expect.poll(() => lab.provider()).toBe('a');
    await expect.poll(() => lab.breaker()).toBe('closed');
  });

  it('names the fault in header, ledger and metrics, and spends no error budget', async () => {
    const sloEvents = async (): Promise<number> => {
      const samples = await lab.gateway.metrics();
      return [...samples].filter(([name]) => name.startsWith('gateway_slo_events')).reduce((sum, [, n]) => sum + n, 0);
    };
    const before = await sloEvents();
    await lab.started({ type: 'connect_refused' }, { id: 'refuse' });
    const { response } = await lab.ask();
    expect(response.headers.get('x-gateway-chaos')).toBe('refuse:connect_refused');
    const id = response.headers.get('x-request-id') ?? '';
    expect(await lab.gateway.ledger(id)).toMatchObject({ chaos: 'refuse:connect_refused', provider: 'b' });
    const samples = [...(await lab.gateway.metrics())].filter(([, value]) => value > 0).map(([name]) => name);
    const injected = samples.filter((name) => name.includes('injected="true"'));
    expect(injected).toContainEqual(expect.stringMatching(/^gateway_attempts_total\{.*provider="a".*connect_error/));
    expect(injected).toContainEqual(expect.stringMatching(/^gateway_requests_total\{.*code="ok"/));
    expect(injected.filter((name) => name.includes('provider="b"'))).toEqual([]);
    expect(await sloEvents()).toBe(before);
    expect((await lab.gateway.metrics()).get('gateway_chaos_active')).toBe(1);
  });

  it('touches nothing while no experiment runs', async () => {
    const { response } = await lab.ask();
    expect(response.headers.get('x-gateway-chaos')).toBeNull();
    expect(await lab.gateway.ledger(response.headers.get('x-request-id') ?? '')).toMatchObject({ chaos: null });
  });

  it.each([
    [{ type: 'error', status: 503, retryAfter: '1' }, 'b'],
    [{ type: 'connect_refused' }, 'b'],
    [{ type: 'abort' }, 'b'],
    [{ type: 'abort', afterBytes: 5 }, 'b'],
    [{ type: 'abort', afterEvents: 0 }, 'b'],
    [{ type: 'stall', afterEvents: 0 }, 'b'],
    [{ type: 'slow_drip', bytesPerSecond: 10 }, 'b'],
    [{ type: 'malformed_json' }, 'b'],
    [{ type: 'latency', ms: 5_000 }, 'b'],
    [{ type: 'latency', ms: 20, deviationMs: 5 }, 'a'],
    [{ type: 'truncate' }, 'a'],
    [{ type: 'bad_usage' }, 'a'],
    [{ type: 'duplicate_chunk' }, 'a'],
    [{ type: 'invalid_utf8_split' }, undefined],
    [{ type: 'huge_event', bytes: 33_554_432 }, undefined],
  ])('a stream under %j is answered by %s', async (fault, provider) => {
    await lab.started(fault);
    const { response, text } = await lab.ask({}, { ...ASK, stream: true });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-gateway-chaos')).toBe(`x:${fault.type}`);
    // What comes after content ends as an error or whole, and never looks whole when it is not.
    if (provider !== undefined) {
      expect(response.headers.get('x-gateway-provider')).toBe(provider);
      expect(text.trimEnd().endsWith('data: [DONE]')).toBe(true);
    } else expect(/data: \[DONE\]\s*$|data: \{"error"/.test(text)).toBe(true);
    expect((await lab.shown()).experiments[0]?.hits).toBeGreaterThan(0);
  });

  it('hits its share and the same victims again for the same seed', async () => {
    const victims = async (): Promise<boolean[]> => {
      await lab.started({ type: 'latency', ms: 1 }, { percentage: 50, seed: 7 });
      const hit: boolean[] = [];
      for (let turn = 0; turn < 20; turn++) hit.push((await lab.ask()).response.headers.has('x-gateway-chaos'));
      return hit;
    };
    const first = await victims();
    expect(new Set(first).size).toBe(2);
    expect(await victims()).toEqual(first);
  });

  it('leaves other providers, models and keys alone', async () => {
    for (const scope of [{ provider: 'b' }, { model: 'other' }, { keyId: 'other' }]) {
      await lab.started({ type: 'error', status: 500 }, { scope });
      const { response } = await lab.ask();
      expect(response.headers.get('x-gateway-chaos')).toBeNull();
      expect(response.headers.get('x-gateway-provider')).toBe('a');
    }
  });

  it('hits only requests with its token where it asks for one', async () => {
    const { experiments } = await lab.started({ type: 'error', status: 500 }, { scope: { token: true } });
    const token = experiments[0]?.token ?? '';
    expect(await lab.provider()).toBe('a');
    expect(await lab.provider({ 'x-chaos': `${token.slice(0, -1)}0x` })).toBe('a');
    const { response } = await lab.ask({ 'x-chaos': token });
    expect(response.headers.get('x-gateway-chaos')).toBe('x:error');
  });

  it('holds the event loop up, and marks the requests that open meanwhile', async () => {
    await lab.started({ type: 'event_loop_block', ms: 50, everyMs: 100 }, { id: 'block', scope: {} });
    expect((await lab.ask()).response.headers.get('x-gateway-chaos')).toBe('block:event_loop_block');
    const value = async (): Promise<number> =>
      (await lab.gateway.metrics()).get('gateway_event_loop_delay_p99_seconds') ?? 0;
    await expect.poll(value, { timeout: 10_000 }).toBeGreaterThan(0.03);
  });

  it('ends all by the kill switch, and writes one audit line for each change', async () => {
    await lab.started({ type: 'latency', ms: 1 }, { id: 'one' });
    await lab.started({ type: 'latency', ms: 1 }, { id: 'two' });
    expect(await (await lab.admin('DELETE')).json()).toEqual({ enabled: true, experiments: [] });
    const lines = (): unknown[] => lab.gateway.log.filter(({ msg, what }) => msg === 'audit' && what !== undefined);
    const ended = { who: 'admin:ops', what: 'chaos-kill-switch', details: { ended: ['one', 'two'] } };
    await lab.gateway.until(() => lines().some((line) => (line as { what: string }).what === 'chaos-kill-switch'));
    await expect.poll(lines).toContainEqual(expect.objectContaining(ended));
    expect(lines()).toContainEqual(
      expect.objectContaining({ what: 'chaos-start', details: expect.objectContaining({ id: 'two' }) as unknown }),
    );
  });

  it('ends by itself when its time is over', async () => {
    await lab.started({ type: 'latency', ms: 1 }, { ttlMs: 100 });
    await expect.poll(async () => (await lab.shown()).experiments).toEqual([]);
    expect((await lab.ask()).response.headers.get('x-gateway-chaos')).toBeNull();
  });

  it.each([
    [{ fault: { type: 'meteor' } }, 'fault.type'],
    [{ ttlMs: 900_001 }, 'ttlMs'],
    [{ percentage: 101 }, 'percentage'],
    [{ other: 1 }, 'other'],
  ])('refuses %j in words', async (change, param) => {
    const body = { id: 'x', fault: { type: 'latency', ms: 1 }, ttlMs: MINUTE, ...change };
    const response = await lab.admin('POST', '', body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: 'invalid_value', param } });
    expect((await lab.admin('DELETE', '/nobody')).status).toBe(400);
  });

  it.each([
    ['GET', ''],
    ['POST', ''],
    ['DELETE', ''],
    ['DELETE', '/x'],
  ])('%s /admin/chaos%s is for admins alone', async (method, path) => {
    expect((await lab.admin(method, path, undefined, CLIENT)).status).toBe(403);
    expect((await lab.admin(method, path, undefined, 'nobody-knows-0123456789')).status).toBe(401);
  });
});

describe('chaos in the gateway file', () => {
  it('runs from the start', async () => {
    const experiments = [{ id: 'at-start', fault: { type: 'latency', ms: 1 }, ttlMs: MINUTE }];
    const lab = await ChaosLab.start({ enabled: true, experiments });
    expect((await lab.ask()).response.headers.get('x-gateway-chaos')).toBe('at-start:latency');
    expect(await lab.shown()).toMatchObject({ experiments: [{ id: 'at-start', startedBy: 'file', percentage: 100 }] });
    await lab.stop();
  });

  it('ends when another configuration comes into force', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'chaos-'));
    const path = join(folder, 'gateway.yaml');
    const experiments = [{ id: 'at-start', fault: { type: 'latency', ms: 1 }, ttlMs: MINUTE }];
    const config = labConfig(['http://127.0.0.1:9', 'http://127.0.0.1:9'], { enabled: true, experiments });
    writeFileSync(path, stringify(config));
    const gateway = await GatewayProcess.start({ env: { CONFIG_PATH: path, GATEWAY_ALLOW_CHAOS: '1' } });
    expect((await gateway.metrics()).get('gateway_chaos_active')).toBe(1);
    writeFileSync(path, stringify({ ...config, slo: { firstTokenMs: 1_999 } }));
    await gateway.until(() => gateway.log.some(({ msg }) => msg === 'configuration applied'));
    expect((await gateway.metrics()).get('gateway_chaos_active')).toBe(0);
    await gateway.stop();
    rmSync(folder, { recursive: true });
  });

  it('may not be started where the file does not allow it', async () => {
    const lab = await ChaosLab.start({ enabled: false });
    expect(await lab.shown()).toEqual({ enabled: false, experiments: [] });
    const experiment = { id: 'x', fault: { type: 'latency', ms: 1 }, ttlMs: MINUTE };
    expect((await lab.admin('POST', '', experiment)).status).toBe(403);
    await lab.stop();
  });

  it('is refused in production without leave of the environment', async () => {
    const config = labConfig(['http://127.0.0.1:9', 'http://127.0.0.1:9'], { enabled: true });
    const gateway = GatewayProcess.spawn({ config, env: { NODE_ENV: 'production' } });
    await gateway.until(() => gateway.exited);
    expect(gateway.stderr).toContain(
      'chaos.enabled: found true, which needs the environment variable GATEWAY_ALLOW_CHAOS',
    );
    expect(await gateway.stop()).toBe(1);
  });

  it('names an experiment of the file that is wrong', async () => {
    const experiments = [{ id: 'x', fault: { type: 'latency', ms: 1 }, ttlMs: 900_001 }];
    const config = labConfig(['http://127.0.0.1:9', 'http://127.0.0.1:9'], { enabled: true, experiments });
    const gateway = GatewayProcess.spawn({ config, env: { GATEWAY_ALLOW_CHAOS: '1' } });
    await gateway.until(() => gateway.exited);
    expect(gateway.stderr).toContain('chaos.experiments[0].ttlMs: found 900001');
    await gateway.stop();
  });
});

describe.skipIf(!hasRedisServer)('chaos at the quota store', () => {
  let redis: RedisServer;
  let lab: ChaosLab;
  beforeAll(async () => {
    redis = await RedisServer.start();
    lab = await ChaosLab.start({ enabled: true }, { REDIS_URL: redis.url });
  });
  afterAll(async () => {
    await lab.stop();
    await redis.stop();
  });

  const mode = (): unknown => lab.gateway.log.findLast((line) => line.mode !== undefined)?.mode;

  it.each([{ type: 'redis_error' }, { type: 'redis_timeout' }, { type: 'redis_latency', ms: 500 }])(
    '%j is survived, and over when the experiment is',
    async (fault) => {
      // The store's mode is told when it changes; it begins shared.
      await lab.gateway.until(() => mode() !== 'local');
      await lab.started(fault, { id: 'redis', scope: {} });
      for (let turn = 0; turn < 8; turn++) {
        const { response } = await lab.ask();
        expect(response.status).toBe(200);
        expect(response.headers.get('x-gateway-chaos')).toBe(`redis:${fault.type}`);
      }
      await lab.gateway.until(() => mode() === 'local');
      await lab.admin('DELETE');
      await lab.gateway.until(() => mode() === 'shared');
    },
  );
});
