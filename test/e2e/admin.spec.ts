import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';

const ADMIN = 'admin-secret-0123456789';
const CLIENT = 'client-secret-0123456789';
const config = {
  version: 1,
  auth: {
    anonymous: { enabled: true },
    keys: [
      { id: 'ops', secret: ADMIN, role: 'admin' },
      { id: 'app', secret: CLIENT },
    ],
  },
  providers: [
    { name: 'a', kind: 'simulated', weight: 70, simulated: { firstTokenMs: 1, tokenMs: 1, tokens: 2 } },
    { name: 'b', kind: 'simulated', weight: 30, simulated: { firstTokenMs: 1, tokenMs: 1, tokens: 2 } },
  ],
  models: [{ name: 'm', targets: ['a', 'b'].map((provider) => ({ provider, model: 'x' })) }],
};
const ROUTES = [
  ...['status', 'events', 'traffic', 'keys', 'audit-log', 'usage', 'audit', 'config', 'config/history'].map(
    (path) => ['GET', path] as const,
  ),
  ...['slo', 'requests', 'requests/x'].map((path) => ['GET', path] as const),
  ...['config/validate', 'config/reload', 'config/rollback', 'log-level', 'explain', 'playground'].map(
    (path) => ['POST', path] as const,
  ),
  ...['drain', 'undrain', 'weight'].map((action) => ['POST', `providers/a/${action}`] as const),
];

let gateway: GatewayProcess;
beforeAll(async () => (gateway = await GatewayProcess.start({ config })));
afterAll(() => gateway.stop());

function admin(method: string, path: string, key: string | undefined, body?: unknown): Promise<Response> {
  return fetch(`${gateway.opsUrl}/admin/${path}`, {
    method,
    headers: {
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'content-type': typeof body === 'string' ? 'application/yaml' : 'application/json' }),
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
}

async function answer(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const response = await admin(method, path, ADMIN, body);
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
}

const providerOfOne = async (): Promise<string | null> => {
  const response = await gateway.post({ model: 'm', messages: [{ role: 'user', content: 'hi' }] });
  await response.text();
  return response.headers.get('x-gateway-provider');
};

describe('who may use the operations API', () => {
  it.each(ROUTES)(
    '%s /admin/%s gives nothing without a key, with a stale key, and with a client key',
    async (method, path) => {
      for (const [key, status, code] of [
        [undefined, 401, 'invalid_api_key'],
        ['stale-secret-0123456789', 401, 'invalid_api_key'],
        [CLIENT, 403, 'permission_denied'],
      ] as const) {
        const response = await admin(method, path, key);
        expect(response.status).toBe(status);
        expect(await response.json()).toEqual({
          error: { message: expect.any(String) as string, type: 'invalid_request_error', param: null, code },
        });
      }
    },
  );

  it('is not there on the public listener', async () => {
    const headers = { authorization: `Bearer ${ADMIN}` };
    for (const path of ['/admin/status', '/admin/config', '//admin/status', '/v1/..;/admin/status']) {
      expect((await fetch(gateway.publicUrl + path, { headers })).status).toBe(404);
    }
  });
});

describe('what the operations API does', () => {
  it('lists usage by key, by team and by org, and nothing else', async () => {
    expect(await answer('GET', 'usage')).toMatchObject({
      by: 'key',
      entries: [{ key: 'ops' }, { key: 'app', org: 'app', budgets: [] }, { key: 'anonymous' }],
    });
    expect(await answer('GET', 'usage?by=team')).toEqual({ by: 'team', entries: [] });
    expect(await answer('GET', 'usage?by=org')).toMatchObject({ entries: [{ org: 'ops' }, { org: 'app' }, {}] });
    const response = await admin('GET', 'usage?by=user', ADMIN);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: 'invalid_value', param: 'by' } });
  });

  it('shows each target, keys without secrets, and the configuration without secrets', async () => {
    const status = await answer('GET', 'status');
    expect(status).toMatchObject({
      draining: false,
      targets: [{ id: 'a/x', drained: false, breaker: { state: 'closed' } }, {}],
    });
    expect(await answer('GET', 'keys')).toMatchObject({ keys: [{ keyId: 'ops', role: 'admin' }, { keyId: 'app' }] });
    const texts = [await answer('GET', 'keys'), await answer('GET', 'config')].map((value) => JSON.stringify(value));
    for (const text of texts) for (const secret of [ADMIN, CLIENT]) expect(text).not.toContain(secret);
  });

  it('recomputes the accounts', async () => {
    expect(await answer('GET', 'audit')).toEqual({
      consistent: true,
      windows: 0,
      reservations: 0,
      overdueMs: 0,
      largestDifferenceUsd: '0',
      violations: [],
    });
    const metrics = await (await fetch(`${gateway.opsUrl}/metrics`)).text();
    expect(metrics).toContain('gateway_audit_difference_nanodollars 0');
  });

  it('drains a provider, takes the drain back, and says who did it', async () => {
    await answer('POST', 'providers/a/drain');
    for (let turn = 0; turn < 10; turn++) expect(await providerOfOne()).toBe('b');
    await answer('POST', 'providers/a/undrain');
    const used = new Set<string | null>();
    for (let turn = 0; turn < 10; turn++) used.add(await providerOfOne());
    expect(used).toContain('a');
    expect(await answer('GET', 'audit-log')).toMatchObject({
      entries: [
        { who: 'admin:ops', what: 'undrain', details: { provider: 'a' } },
        { who: 'admin:ops', what: 'drain' },
      ],
    });
    await gateway.until(() => gateway.log.some((line) => line.msg === 'audit' && line.what === 'drain'));
  });

  it('weighs a provider anew for a while', async () => {
    const { overrides } = await answer('POST', 'providers/a/weight', { weight: 0, ttlMs: 60_000 });
    expect(overrides).toMatchObject([{ provider: 'a', weight: 0, drained: false }]);
    for (let turn = 0; turn < 10; turn++) expect(await providerOfOne()).toBe('b');
    await answer('POST', 'providers/a/weight', { weight: 70, ttlMs: 1_000 });
  });

  it.each([
    ['providers/a/weight', { weight: -1, ttlMs: 1_000 }, 'weight'],
    ['providers/a/weight', { weight: 1, ttlMs: 1_000, other: 1 }, 'other'],
    ['providers/nobody/drain', undefined, 'name'],
    ['log-level', { level: 'loud' }, 'level'],
    ['config/rollback', { version: 'ffffffffffff' }, 'version'],
  ])('refuses %s with %j in words', async (path, body, param) => {
    const response = await admin('POST', path, ADMIN, body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: 'invalid_value', param } });
  });

  it('says what a candidate would change, and why it would be refused', async () => {
    const other = structuredClone(config);
    other.providers[0]!.weight = 10;
    expect(await answer('POST', 'config/validate', { config: JSON.stringify(other) })).toMatchObject({
      valid: true,
      changes: expect.arrayContaining(['provider "a": weight 70 -> 10']) as string[],
    });
    const refused = await answer('POST', 'config/validate', 'version: 1\nproviders: []\n');
    expect(refused.valid).toBe(false);
    expect(refused.problems).not.toEqual([]);
  });

  it('reloads, remembers versions, and changes the log level', async () => {
    expect(await answer('POST', 'config/reload')).toMatchObject({ result: 'unchanged' });
    expect(await answer('GET', 'config/history')).toMatchObject({ versions: [{ result: 'started', who: 'start' }] });
    expect(await answer('POST', 'log-level', { level: 'debug' })).toEqual({ level: 'debug' });
  });

  it('sends the status as events', async () => {
    const response = await admin('GET', 'events', ADMIN);
    const reader = response.body!.getReader();
    const { value } = (await reader.read()) as { value: Uint8Array };
    const text = new TextDecoder().decode(value);
    expect(text).toMatch(/^event: status\ndata: \{.*"targets".*\}\n\n/);
    await reader.cancel();
  });
});
