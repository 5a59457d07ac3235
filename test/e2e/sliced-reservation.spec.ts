import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';

const SECRET = (id: string): string => `test-key-of-${id}-0123456789`;
const bearer = (id: string): Record<string, string> => ({ authorization: `Bearer ${SECRET(id)}` });
const ASK = { model: 'm', max_tokens: 32_000, stream: true, messages: [{ role: 'user', content: 'hi' }] };
const AGENTS = 20;
const USED = 500;
/** Room for 20 first slices, not for two whole reservations. */
const BUDGET_USD = 0.04;

const chunk = (text: string, finish: string | null): string => {
  const choices = [{ index: 0, delta: { content: text }, finish_reason: finish }];
  return `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices })}\n\n`;
};

describe.each(['whole', 'sliced'] as const)('agents that ask for much and use little, %s reservations', (mode) => {
  let upstream: ScriptedUpstream;
  let gateway: GatewayProcess;
  let open = (): void => undefined;
  let hold: Promise<void>;
  let tokens = USED;

  beforeAll(async () => {
    hold = new Promise((resolve) => (open = resolve));
    upstream = await ScriptedUpstream.start(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(chunk('t', null));
      await hold;
      for (let sent = 1; sent < tokens && !response.destroyed; sent++) {
        response.write(chunk('t', null));
        if (sent % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      }
      response.write(chunk('', 'stop'));
      response.end('data: [DONE]\n\n');
    });
    const key = (id: string) => ({
      id,
      secret: SECRET(id),
      budgets: [{ scope: 'key', window: '30d', usd: BUDGET_USD }],
    });
    gateway = await GatewayProcess.start({
      config: {
        version: 1,
        auth: { anonymous: { enabled: false }, keys: [key('agents'), key('runaway')] },
        providers: [
          { name: 'up', kind: 'vllm', baseUrl: upstream.baseUrl, allowPrivate: true, probe: { enabled: false } },
        ],
        models: [
          { name: 'm', targets: [{ provider: 'up', model: 'm' }], price: { inputPerMillion: 1, outputPerMillion: 1 } },
        ],
        quota: { reservation: { mode } },
      },
    });
  });
  afterAll(async () => {
    await gateway.stop();
    await upstream.stop();
  });

  it(mode === 'sliced' ? 'admits them all' : 'admits one, and tells the others to come back', async () => {
    const answers = await Promise.all(Array.from({ length: AGENTS }, () => gateway.post(ASK, bearer('agents'))));
    const admitted = answers.filter(({ status }) => status === 200);
    expect(admitted).toHaveLength(mode === 'sliced' ? AGENTS : 1);
    for (const refused of answers.filter(({ status }) => status !== 200)) {
      expect(refused.status).toBe(429);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await refused.json()).toMatchObject({ error: { code: 'budget_reserved' } });
    }
    open();
    for (const answer of admitted) expect(await answer.text()).toMatch(/"finish_reason":"stop"[^]*\[DONE\]/);
  });

  it.runIf(mode === 'sliced')('ends a stream where its budget ends, a read later at most', async () => {
    tokens = 60_000;
    const longer = { ...ASK, max_tokens: 60_000 };
    const response = await gateway.post(longer, { ...bearer('runaway'), 'x-request-id': 'runaway' });
    const text = await response.text();
    expect(text).toMatch(/"finish_reason":"length"[^]*\[DONE\]/);
    await upstream.received.at(-1)!.aborted;
    const line = await gateway.ledger('runaway');
    expect(line).toMatchObject({ cut: 'reservation_spent', status: 200, end: 'completed' });
    const usage = (await (await fetch(`${gateway.publicUrl}/v1/usage`, { headers: bearer('runaway') })).json()) as {
      budgets: { spentUsd: string; reservedUsd: string }[];
    };
    expect(usage.budgets[0]).toMatchObject({ spentUsd: line.costUsd, reservedUsd: '0' });
    const spent = Number(usage.budgets[0]!.spentUsd);
    expect(spent).toBeGreaterThan(0.9 * BUDGET_USD);
    expect((spent - BUDGET_USD) * 1e6).toBeLessThanOrEqual(256);
  });
});
