import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';

const SECRET = (id: string): string => `test-key-of-${id}-0123456789`;
const bearer = (id: string): Record<string, string> => ({ authorization: `Bearer ${SECRET(id)}` });
const HELLO = { model: 'm', max_tokens: 100, messages: [{ role: 'user', content: 'hi' }] };

describe('prices and limits that change while a request runs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quota-reload-'));
  const path = join(folder, 'gateway.yaml');
  let upstream: ScriptedUpstream;
  let gateway: GatewayProcess;
  let goOn = (): void => undefined;
  const paused = new Promise<void>((resolve) => (goOn = resolve));

  const write = (perMillion: number, concurrentRequests: number): void => {
    const config = {
      version: 1,
      auth: {
        anonymous: { enabled: false },
        keys: [
          { id: 'ops', secret: SECRET('ops'), role: 'admin' },
          {
            id: 'app',
            secret: SECRET('app'),
            limits: { concurrentRequests },
            budgets: [{ scope: 'key', window: '30d', usd: 1 }],
          },
        ],
      },
      providers: [
        { name: 'up', kind: 'vllm', baseUrl: upstream.baseUrl, allowPrivate: true, probe: { enabled: false } },
      ],
      models: [
        {
          name: 'm',
          targets: [{ provider: 'up', model: 'm' }],
          price: { inputPerMillion: perMillion, outputPerMillion: perMillion },
        },
      ],
    };
    writeFileSync(path, stringify(config, { aliasDuplicateObjects: false }));
  };

  beforeAll(async () => {
    upstream = await ScriptedUpstream.start(async (_request, response) => {
      await paused;
      const choices = [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }];
      const usage = { prompt_tokens: 10, completion_tokens: 20 };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ id: 'c', object: 'chat.completion', created: 1, model: 'm', choices, usage }));
    });
    write(1, 1);
    gateway = await GatewayProcess.start({ env: { CONFIG_PATH: path } });
  });
  afterAll(async () => {
    await gateway.stop();
    await upstream.stop();
    rmSync(folder, { recursive: true });
  });

  it('settles at the price that it was reserved at; the next request has the new limits and price', async () => {
    const post = (id: string): Promise<Response> => gateway.post(HELLO, { ...bearer('app'), 'x-request-id': id });
    const first = post('first');
    await gateway.until(() => upstream.received.length === 1);
    expect((await post('refused')).status).toBe(429);
    write(50, 2);
    const reload = await fetch(`${gateway.opsUrl}/admin/config/reload`, { method: 'POST', headers: bearer('ops') });
    expect(reload.status).toBe(200);
    const second = post('second');
    await gateway.until(() => upstream.received.length === 2);
    expect((await post('refused-again')).status).toBe(429);
    goOn();
    expect([(await first).status, (await second).status]).toEqual([200, 200]);
    expect((await gateway.ledger('first')).costUsd).toBe('0.00003');
    expect((await gateway.ledger('second')).costUsd).toBe('0.0015');
    const usage = await fetch(`${gateway.publicUrl}/v1/usage`, { headers: bearer('app') });
    expect(await usage.json()).toMatchObject({ budgets: [{ spentUsd: '0.00153', reservedUsd: '0' }] });
  });
});
