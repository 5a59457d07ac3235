import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';

const KEY = (id: string): string => `test-key-of-${id}-0123456789`;
const bearer = (id: string): Record<string, string> => ({ authorization: `Bearer ${KEY(id)}` });
const HELLO = { model: 'm', max_tokens: 100, messages: [{ role: 'user', content: 'hi' }] };
/** What one HELLO reserves: its bytes / 2 + 8 for the prompt, 100 for the answer, at 1 USD per million tokens. */
const WORST_NANO_USD = (Math.ceil(JSON.stringify(HELLO).length / 2) + 8 + 100) * 1000;

interface Usage {
  readonly budgets: readonly { readonly spentUsd: string; readonly reservedUsd: string; readonly limitUsd: string }[];
}

describe('keys, quotas and budgets', () => {
  let upstream: ScriptedUpstream;
  let gateway: GatewayProcess;
  let usage: object | null = null;
  let hold: Promise<void> = Promise.resolve();

  const key = (id: string, more: object = {}) => ({ id, secret: KEY(id), ...more });

  beforeAll(async () => {
    upstream = await ScriptedUpstream.start(async (request, response) => {
      await hold;
      const { max_tokens } = JSON.parse(request.body.toString()) as { max_tokens: number };
      // By default the upstream uses exactly the worst case: as many tokens as were reserved.
      const spent = usage ?? { prompt_tokens: WORST_NANO_USD / 1000 - max_tokens, completion_tokens: max_tokens };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({
          id: 'c',
          object: 'chat.completion',
          created: 1,
          model: 'm',
          choices: [{ index: 0, message: { role: 'assistant', content: 'x'.repeat(40) }, finish_reason: 'stop' }],
          usage: spent,
        }),
      );
    });
    const target = { provider: 'up', model: 'm' };
    gateway = await GatewayProcess.start({
      config: {
        version: 1,
        auth: {
          anonymous: { enabled: false },
          keys: [
            key('budget', { budgets: [{ scope: 'key', window: '30d', usd: (WORST_NANO_USD * 100) / 1e9 }] }),
            key('rate', { limits: { requestsPerMinute: 60, requestBurst: 10 } }),
            key('tokens', { limits: { tokensPerMinute: 300 } }),
            key('one', { limits: { concurrentRequests: 1 } }),
            key('capped', { limits: { maxTokensPerRequest: 50 } }),
            key('plain'),
          ],
        },
        providers: [
          { name: 'up', kind: 'vllm', baseUrl: upstream.baseUrl, allowPrivate: true, probe: { enabled: false } },
        ],
        models: [
          { name: 'm', targets: [target], price: { inputPerMillion: 1, outputPerMillion: 1 } },
          { name: 'unpriced', targets: [target] },
        ],
      },
    });
  });
  afterAll(async () => {
    await gateway.stop();
    await upstream.stop();
  });

  const usageOf = async (id: string): Promise<Usage> =>
    (await (await fetch(`${gateway.publicUrl}/v1/usage`, { headers: bearer(id) })).json()) as Usage;

  it.each([
    ['no key', {}],
    ['an unknown key', { authorization: 'Bearer nobody-knows-this-key-0123' }],
    ['another scheme', { authorization: `Basic ${KEY('plain')}` }],
    ['a lower-case scheme', { authorization: `bearer ${KEY('plain')}` }],
    ['a key of the minted form with a wrong checksum', { authorization: `Bearer gw_live_${'a'.repeat(49)}` }],
  ])('refuses %s with 401', async (_name, headers) => {
    const response = await gateway.post(HELLO, headers);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect(await response.json()).toMatchObject({ error: { code: 'invalid_api_key' } });
  });

  it('lets exactly 100 of 200 concurrent requests through a budget for 100, and spends exactly the limit', async () => {
    const before = upstream.received.length;
    const answers = await Promise.all(Array.from({ length: 200 }, () => gateway.post(HELLO, bearer('budget'))));
    const codes = await Promise.all(
      answers.map(async (answer) =>
        answer.ok ? 'ok' : ((await answer.json()) as { error: { code: string } }).error.code,
      ),
    );
    expect(codes.filter((code) => code === 'ok')).toHaveLength(100);
    expect(codes.every((code) => ['ok', 'insufficient_quota', 'budget_reserved'].includes(code))).toBe(true);
    expect(upstream.received.length - before).toBe(100);
    const [budget] = (await usageOf('budget')).budgets;
    expect(budget).toMatchObject({ spentUsd: budget!.limitUsd, reservedUsd: '0' });
    const refused = await gateway.post(HELLO, bearer('budget'));
    expect(refused.status).toBe(429);
    expect(refused.headers.get('x-should-retry')).toBe('false');
    expect(Number(refused.headers.get('x-budget-reset'))).toBeGreaterThan(0);
  });

  it('admits a burst, refuses the rest, and tells when to come back', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => gateway.post(HELLO, bearer('rate'))));
    const passed = answers.filter(({ status }) => status === 200);
    expect([10, 11]).toContain(passed.length);
    const refused = answers.find(({ status }) => status === 429)!;
    expect(await refused.json()).toMatchObject({ error: { type: 'requests', code: 'rate_limit_exceeded' } });
    expect(Number(refused.headers.get('retry-after-ms'))).toBeGreaterThan(0);
    expect(refused.headers.get('x-ratelimit-limit-requests')).toBe('60');
    expect(refused.headers.get('x-ratelimit-remaining-requests')).toBe('0');
  });

  it('gives tokens back that were reserved and not used', async () => {
    usage = { prompt_tokens: 5, completion_tokens: 5 };
    for (let turn = 0; turn < 5; turn++) expect((await gateway.post(HELLO, bearer('tokens'))).status).toBe(200);
    usage = null;
  });

  it('refuses at once what can never fit', async () => {
    const response = await gateway.post({ ...HELLO, max_tokens: 1000 }, bearer('tokens'));
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: 'request_exceeds_limit' } });
  });

  it('counts concurrent requests, and frees the place of a caller that leaves', async () => {
    let open = (): void => undefined;
    hold = new Promise((resolve) => (open = resolve));
    const leaving = new AbortController();
    const held = fetch(`${gateway.publicUrl}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...bearer('one') },
      body: JSON.stringify(HELLO),
      signal: leaving.signal,
    }).catch(() => undefined);
    const before = upstream.received.length;
    await gateway.until(() => upstream.received.length > before);
    expect(await (await gateway.post(HELLO, bearer('one'))).json()).toMatchObject({
      error: { code: 'concurrency_limit_exceeded' },
    });
    leaving.abort();
    await held;
    await upstream.received.at(-1)!.aborted;
    open();
    hold = Promise.resolve();
    expect((await gateway.post(HELLO, bearer('one'))).status).toBe(200);
  });

  it("lowers a cap above the key's, and writes it upstream", async () => {
    await gateway.post({ ...HELLO, max_tokens: 1e9 }, bearer('capped'));
    expect(JSON.parse(upstream.received.at(-1)!.body.toString())).toMatchObject({ max_tokens: 50 });
  });

  it('refuses a model without a price to a key with a budget, and to nobody else', async () => {
    const before = upstream.received.length;
    const refused = await gateway.post({ ...HELLO, model: 'unpriced' }, bearer('budget'));
    expect(await refused.json()).toMatchObject({ error: { code: 'unpriced_model' } });
    expect(upstream.received.length).toBe(before);
    expect((await gateway.post({ ...HELLO, model: 'unpriced' }, bearer('plain'))).status).toBe(200);
  });

  it.each([
    ['negative', { prompt_tokens: -1, completion_tokens: 5 }],
    ['huge', { prompt_tokens: 1e12, completion_tokens: 1e12 }],
    ['a float', { prompt_tokens: 1.5, completion_tokens: 5 }],
    ['text', { prompt_tokens: '7', completion_tokens: 5 }],
    ['empty', {}],
  ])('replaces usage that is %s by an estimate', async (name, lie) => {
    usage = lie;
    const id = `lie-${name.replace(' ', '-')}`;
    await gateway.post(HELLO, { ...bearer('plain'), 'x-request-id': id });
    usage = null;
    expect(await gateway.ledger(id)).toMatchObject({ usageSource: 'estimated', completionTokens: 10 });
  });

  it('writes tokens and cost into the ledger, and no key', async () => {
    await gateway.post(HELLO, { ...bearer('plain'), 'x-request-id': 'ledger-1' });
    expect(await gateway.ledger('ledger-1')).toMatchObject({
      keyId: 'plain',
      completionTokens: 100,
      usageSource: 'reported',
      costUsd: String(WORST_NANO_USD / 1e9),
    });
    expect(JSON.stringify(gateway.log)).not.toContain('test-key-of');
  });
});
