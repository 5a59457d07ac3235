import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';

const SECRET = (id: string): string => `test-key-of-${id}-0123456789`;
const REQUEST = { model: 'm', max_tokens: 20, stream: true, messages: [{ role: 'user', content: 'hi' }] };
const event = (delta: object): string => {
  const choices = [{ index: 0, delta, finish_reason: null }];
  return `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices })}\n\n`;
};

describe('an upstream that ignores its cap', () => {
  let upstream: ScriptedUpstream;
  let gateway: GatewayProcess;
  let sent = 0;
  const ENOUGH = 2000;

  beforeAll(async () => {
    upstream = await ScriptedUpstream.start(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (sent = 0; sent < ENOUGH && !response.destroyed; sent++) {
        response.write(event({ content: 'word ' }));
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      response.end();
    });
    const budgets = [{ scope: 'key', window: '30d', usd: 1 }];
    gateway = await GatewayProcess.start({
      config: {
        version: 1,
        auth: { anonymous: { enabled: false }, keys: [{ id: 'budget', secret: SECRET('budget'), budgets }] },
        providers: [
          { name: 'up', kind: 'vllm', baseUrl: upstream.baseUrl, allowPrivate: true, probe: { enabled: false } },
        ],
        models: [
          {
            name: 'm',
            targets: [{ provider: 'up', model: 'm' }],
            price: { inputPerMillion: 1, outputPerMillion: 100 },
          },
        ],
      },
    });
  });
  afterAll(async () => {
    await gateway.stop();
    await upstream.stop();
  });

  it('is cut off with finish_reason length, and what it sent is charged', async () => {
    const authorization = `Bearer ${SECRET('budget')}`;
    const response = await gateway.post(REQUEST, { authorization, 'x-request-id': 'runaway' });
    const events = (await response.text()).trim().split('\n\n');
    expect(events.at(-1)).toBe('data: [DONE]');
    expect(JSON.parse(events.at(-2)!.slice('data: '.length))).toMatchObject({
      id: 'c',
      choices: [{ index: 0, delta: {}, finish_reason: 'length' }],
    });
    await upstream.received.at(-1)!.aborted;
    expect(sent).toBeLessThan(ENOUGH);
    const line = await gateway.ledger('runaway');
    expect(line).toMatchObject({ cut: 'reservation_spent', end: 'completed', status: 200, usageSource: 'estimated' });
    expect(line.completionTokens).toBeGreaterThan(REQUEST.max_tokens);
    const usage = await fetch(`${gateway.publicUrl}/v1/usage`, { headers: { authorization } });
    expect(await usage.json()).toMatchObject({ budgets: [{ spentUsd: line.costUsd, reservedUsd: '0' }] });
  });
});
