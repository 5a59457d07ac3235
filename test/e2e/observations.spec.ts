import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';

const ADMIN = 'admin-secret-0123456789';
const CLIENT = 'client-secret-0123456789';
const quick = { firstTokenMs: 1, tokenMs: 1, tokens: 3 };
const PROMPT = 'a prompt that nobody else may read';
const config = {
  version: 1,
  auth: {
    anonymous: { enabled: true },
    keys: [
      { id: 'ops', secret: ADMIN, role: 'admin' },
      { id: 'app', secret: CLIENT, limits: { requestsPerMinute: 60, tokensPerMinute: 100_000 } },
      { id: 'poor', secret: 'poor-secret-0123456789', budgets: [{ scope: 'key', window: '1d', usd: '0.000001' }] },
      { id: 'narrow', secret: 'narrow-secret-0123456789', providers: ['steady'] },
      { id: 'hurried', secret: 'hurried-secret-0123456789', limits: { requestsPerMinute: 1, requestBurst: 1 } },
    ],
  },
  providers: [
    { name: 'broken', kind: 'simulated', tier: 0, simulated: { ...quick, errorRate: 1 } },
    { name: 'steady', kind: 'simulated', tier: 1, simulated: quick },
    { name: 'spare', kind: 'simulated', tier: 1, weight: 0, simulated: quick },
    { name: 'off', kind: 'simulated', tier: 1, enabled: false, simulated: quick },
  ],
  models: [
    {
      name: 'm',
      targets: ['broken', 'steady', 'spare', 'off'].map((provider) => ({ provider, model: 'x' })),
      price: { inputPerMillion: 1, outputPerMillion: 2 },
    },
  ],
  guardrails: { input: { bannedWords: [{ text: 'forbidden', action: 'block', id: 'no' }] } },
};
const ask = (members: object = {}): object => ({
  model: 'm',
  messages: [{ role: 'user', content: PROMPT }],
  ...members,
});

let gateway: GatewayProcess;
beforeAll(async () => (gateway = await GatewayProcess.start({ config })));
afterAll(() => gateway.stop());

async function admin(path: string, body?: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${gateway.opsUrl}/admin/${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const explain = async (question: object): Promise<Record<string, unknown>> => (await admin('explain', question)).body;

describe('the flight recorder', () => {
  it('tells what happened to a request that failed over, stage by stage, without its text', async () => {
    const response = await gateway.post(ask({ stream: true }), {
      'x-request-id': 'caller-1',
      authorization: `Bearer ${CLIENT}`,
    });
    await response.text();
    await gateway.ledger('caller-1');
    const { status, body } = await admin('requests/caller-1');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      requestId: 'caller-1',
      keyId: 'app',
      model: 'm',
      stream: true,
      status: 200,
      end: 'completed',
      charge: { completionTokens: 3, usageSource: 'reported' },
    });
    expect(body.attempts).toMatchObject([
      { provider: 'broken', outcome: 'fault', reason: 'server_error' },
      { provider: 'broken', kind: 'retry', outcome: 'fault' },
      { provider: 'steady', kind: 'failover', outcome: 'success' },
    ]);
    const stages = body.stagesMs as Record<string, number>;
    const sum = Object.values(stages).reduce((total, ms) => total + ms, 0);
    expect(Object.keys(stages)).toEqual(['receive', 'guard', 'quota', 'route', 'queue', 'upstream', 'send']);
    expect(sum).toBeCloseTo(body.durationMs as number, 3);
    expect(JSON.stringify(body)).not.toContain(PROMPT);
    expect(await admin(`requests/${body.gatewayId as string}`)).toEqual({ status: 200, body });
  });

  it('lists the newest first, narrowed by what is asked', async () => {
    for (const id of ['first', 'second']) {
      const response = await gateway.post(ask({ model: id === 'first' ? 'm' : 'unknown' }), { 'x-request-id': id });
      await response.text();
      await gateway.ledger(id);
    }
    const ids = async (query: string): Promise<unknown[]> =>
      ((await admin(`requests${query}`)).body.requests as { requestId: string }[]).map(({ requestId }) => requestId);
    expect(await ids('?limit=2')).toEqual(['second', 'first']);
    expect(await ids('?limit=1&provider=steady')).toEqual(['first']);
    expect(await ids('?code=model_not_found')).toEqual(['second']);
  });

  it.each(['requests/nobody', 'requests?limit=0', 'requests?limit=1001', 'requests?other=1'])(
    'refuses %s',
    async (path) => {
      expect(await admin(path)).toMatchObject({ status: 400, body: { error: { code: 'invalid_value' } } });
    },
  );
});

describe('the objectives', () => {
  it('are told with events, burn rates and what is left', async () => {
    const { body } = await admin('slo');
    const [availability] = body.objectives as Record<string, unknown>[];
    expect(availability).toMatchObject({
      slo: 'availability',
      objective: 0.999,
      errorBudgetRemaining: 1,
      // One of the requests above was for a model that there is not: the caller's own mistake.
      windows: { '5m': { good: 2, bad: 0, burnRate: 0 }, '1h': {}, '6h': {}, '3d': {} },
    });
  });
});

describe('an explanation', () => {
  it('shows the caller, the estimate, the plan, and each target with what speaks against it', async () => {
    expect(await explain({ request: ask({ max_tokens: 10 }), keyId: 'app' })).toMatchObject({
      verdict: { outcome: 'ok' },
      principal: { keyId: 'app', role: 'client', limits: { requestsPerMinute: 60 } },
      priority: 'default',
      timeoutMs: 600_000,
      model: { name: 'm' },
      estimate: { outputTokens: 10, costNanoUsd: expect.any(Number) as number },
      quota: { requests: { limit: 60 }, tokens: { limit: 100_000 }, concurrent: 0, budgets: [] },
      plan: ['broken/x', 'steady/x', 'spare/x'],
      candidates: [
        { id: 'broken/x', place: 0, share: 1, eligible: true, excludedBy: [] },
        { id: 'steady/x', place: 1, share: 1, remarks: ['later_tier'] },
        { id: 'spare/x', place: 2, share: 0, eligible: true, remarks: ['failover_only', 'later_tier'] },
        { id: 'off/x', place: null, eligible: false, excludedBy: ['provider_disabled'] },
      ],
    });
  });

  it("says why a target is out: not the key's, drained, pinned away, breaker open", async () => {
    const candidates = async (question: object): Promise<unknown> => (await explain(question)).candidates;
    expect(await candidates({ request: ask(), keyId: 'narrow' })).toMatchObject([
      { excludedBy: ['provider_not_allowed'] },
      { eligible: true },
      {},
      {},
    ]);
    await admin('providers/steady/drain', {});
    expect(await candidates({ request: ask() })).toMatchObject([{}, { excludedBy: ['drained'], place: null }, {}, {}]);
    await admin('providers/steady/undrain', {});
    const headers = { 'X-Provider-Priority': 'spare', 'x-no-failover': 'true' };
    expect(await candidates({ request: ask(), headers })).toMatchObject([
      { excludedBy: ['no_failover'] },
      { excludedBy: ['no_failover'] },
      { place: 0, remarks: ['pinned', 'failover_only'] },
      {},
    ]);
    for (let turn = 0; turn < 5; turn++) await (await gateway.post(ask())).text();
    expect(await candidates({ request: ask() })).toMatchObject([
      { excludedBy: ['breaker_open'], breaker: { state: 'open' }, effectiveWeight: 0 },
      { eligible: true },
      {},
      {},
    ]);
  });

  it.each([
    ['an unknown model', { request: ask({ model: 'nothing' }) }, 'rights', 'model_not_found'],
    ['an unknown pin', { request: ask(), headers: { 'x-provider-priority': 'nobody' } }, 'rights', 'unknown_provider'],
    ['a bad timeout', { request: ask(), headers: { 'x-request-timeout-ms': 'soon' } }, 'door', 'invalid_value'],
    ['a body of another shape', { request: { model: 'm', messages: [] } }, 'body', 'invalid_value'],
    ['a member that steers', { request: ask({ api_base: 'http://x' }) }, 'body', 'invalid_value'],
    [
      'a word of the rules',
      { request: ask({ messages: [{ role: 'user', content: 'forbidden' }] }) },
      'guardrails',
      'content_filter',
    ],
    [
      'too much for the token limit',
      { request: ask({ max_tokens: 200_000 }), keyId: 'app' },
      'quota',
      'request_exceeds_limit',
    ],
    ['too little money', { request: ask({ max_tokens: 1_000 }), keyId: 'poor' }, 'quota', 'insufficient_quota'],
    [
      'no target at all',
      { request: ask({ model: 'm' }), keyId: 'narrow', headers: { 'x-provider-priority': 'spare' } },
      'rights',
      'unknown_provider',
    ],
  ])('of %s names the step that refuses', async (_what, question, step, code) => {
    expect((await explain(question)).verdict).toMatchObject({ outcome: 'refused', step, error: { code } });
  });

  it('refuses a key that there is not', async () => {
    expect(await admin('explain', { request: ask(), keyId: 'nobody' })).toMatchObject({
      status: 400,
      body: { error: { param: 'keyId' } },
    });
  });

  it('changes nothing that it tells of', async () => {
    const before = [await admin('status'), await gateway.metrics()] as const;
    for (let turn = 0; turn < 20; turn++) {
      expect((await explain({ request: ask(), keyId: 'hurried' })).verdict).toEqual({ outcome: 'ok' });
      await explain({ request: ask({ messages: [{ role: 'user', content: 'forbidden' }] }) });
    }
    const after = [await admin('status'), await gateway.metrics()] as const;
    const inFlight = (status: (typeof before)[0]): unknown => status.body.inFlight;
    expect(inFlight(after[0])).toEqual(inFlight(before[0]));
    const ours = (samples: ReadonlyMap<string, number>): unknown =>
      [...samples].filter(([name]) =>
        /^gateway_(requests|attempts|quota|guardrail|retries|failovers|breaker)/.test(name),
      );
    expect(ours(after[1])).toEqual(ours(before[1]));
    const served = await gateway.post(ask(), { authorization: 'Bearer hurried-secret-0123456789' });
    expect(served.status).toBe(200);
    await served.text();
    expect((await explain({ request: ask(), keyId: 'hurried' })).verdict).toMatchObject({
      outcome: 'refused',
      step: 'quota',
      status: 429,
    });
  });
});

describe('x-gateway-trace', () => {
  const trace = { 'x-gateway-trace': '1' };

  it('answers an admin key with what became of the request, in a header', async () => {
    const response = await gateway.post(ask(), { ...trace, authorization: `Bearer ${ADMIN}` });
    await response.text();
    const summary = JSON.parse(response.headers.get('x-gateway-trace') ?? 'null') as Record<string, unknown>;
    expect(summary).toMatchObject({ key: 'ops', model: 'm', queuedMs: 0 });
    expect((summary.attempts as unknown[]).at(-1)).toMatchObject({ outcome: 'success' });
    expect(summary.candidates).toHaveLength(4);
    expect(JSON.stringify(summary)).not.toContain(PROMPT);
  });

  it('goes with refusals, too', async () => {
    const response = await gateway.post(ask({ model: 'nothing' }), { ...trace, authorization: `Bearer ${ADMIN}` });
    expect(response.status).toBe(404);
    expect(JSON.parse(response.headers.get('x-gateway-trace') ?? 'null')).toMatchObject({ model: null, attempts: [] });
  });

  it('gives nothing to other keys', async () => {
    const response = await gateway.post(ask(), { ...trace, authorization: `Bearer ${CLIENT}` });
    expect(response.headers.get('x-gateway-trace')).toBeNull();
  });
});
