import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';

const SECRET = 'test-key-of-leaver-0123456789';
const HEADERS = { authorization: `Bearer ${SECRET}` };
const ASK = { max_tokens: 200, messages: [{ role: 'user', content: 'hi' }] };
const USAGE = { prompt_tokens: 9, completion_tokens: 150 };
const USED_NANO_USD = USAGE.prompt_tokens + USAGE.completion_tokens * 2;
const CHUNK = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm' };
const event = (body: object): string => `data: ${JSON.stringify({ ...CHUNK, ...body })}\n\n`;
const content = (text: string, finish: string | null = null): string =>
  event({ choices: [{ index: 0, delta: { content: text }, finish_reason: finish }] });

describe('a caller that leaves', () => {
  let upstream: ScriptedUpstream;
  let gateway: GatewayProcess;
  let goOn = (): void => undefined;
  let paused: Promise<void>;
  let serial = 0;

  beforeEach(() => {
    paused = new Promise((resolve) => (goOn = resolve));
  });
  beforeAll(async () => {
    upstream = await ScriptedUpstream.start(async (request, response) => {
      const { stream } = JSON.parse(request.body.toString()) as { stream?: boolean };
      if (stream) {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(content('four'));
        await paused;
        response.write(content(' more', 'stop'));
        response.end(`${event({ choices: [], usage: USAGE })}data: [DONE]\n\n`);
        return;
      }
      await paused;
      const choices = [{ index: 0, message: { role: 'assistant', content: 'all' }, finish_reason: 'stop' }];
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ ...CHUNK, object: 'chat.completion', choices, usage: USAGE }));
    });
    const modes = ['cancel', 'drain', 'reserved'] as const;
    gateway = await GatewayProcess.start({
      config: {
        version: 1,
        auth: {
          anonymous: { enabled: false },
          keys: [{ id: 'leaver', secret: SECRET, budgets: [{ scope: 'key', window: '30d', usd: 1 }] }],
        },
        providers: modes.map((onDisconnect) => ({
          name: onDisconnect,
          kind: 'vllm',
          baseUrl: upstream.baseUrl,
          allowPrivate: true,
          probe: { enabled: false },
          onDisconnect,
        })),
        models: modes.map((name) => ({
          name,
          targets: [{ provider: name, model: 'm' }],
          price: { inputPerMillion: 0.001, outputPerMillion: 0.002 },
        })),
      },
    });
  });
  afterAll(async () => {
    await gateway.stop();
    await upstream.stop();
  });

  /** Asks, leaves once the upstream has the request (of a stream: after the first content), and returns its id. */
  async function leave(model: string, stream: boolean): Promise<string> {
    const id = `leaver-${++serial}`;
    const leaving = new AbortController();
    const before = upstream.received.length;
    const asked = fetch(`${gateway.publicUrl}/v1/chat/completions`, {
      method: 'POST',
      headers: { ...HEADERS, 'content-type': 'application/json', 'x-request-id': id },
      body: JSON.stringify({ ...ASK, model, stream }),
      signal: leaving.signal,
    });
    if (stream) await (await asked).body!.getReader().read();
    else await gateway.until(() => upstream.received.length > before);
    leaving.abort();
    await asked.catch(() => undefined);
    return id;
  }

  const budget = async (): Promise<unknown> => {
    const usage = await fetch(`${gateway.publicUrl}/v1/usage`, { headers: HEADERS });
    return ((await usage.json()) as { budgets: unknown[] }).budgets[0];
  };

  it('has its upstream cancelled and what came estimated', async () => {
    const id = await leave('cancel', true);
    await upstream.received.at(-1)!.aborted;
    expect(await gateway.ledger(id)).toMatchObject({ end: 'cancelled', usageSource: 'estimated', completionTokens: 1 });
    expect(await budget()).toMatchObject({ reservedUsd: '0' });
  });

  it('has its upstream cancelled and the reservation charged where the provider bills it all the same', async () => {
    const id = await leave('reserved', true);
    await upstream.received.at(-1)!.aborted;
    const line = await gateway.ledger(id);
    expect(line).toMatchObject({ end: 'cancelled', usageSource: 'estimated', completionTokens: ASK.max_tokens });
    expect(await budget()).toMatchObject({ reservedUsd: '0' });
  });

  it('has its upstream read on to the usage, and holds its reservation until then', async () => {
    const before = (await budget()) as { spentUsd: string };
    const id = await leave('drain', true);
    // An answer that came later than the caller's leaving shows that the gateway has seen it.
    expect(await budget()).not.toMatchObject({ reservedUsd: '0' });
    goOn();
    expect(await gateway.ledger(id)).toMatchObject({
      end: 'cancelled',
      status: 200,
      usageSource: 'reported',
      promptTokens: USAGE.prompt_tokens,
      completionTokens: USAGE.completion_tokens,
    });
    const after = (await budget()) as { spentUsd: string; reservedUsd: string };
    expect(after.reservedUsd).toBe('0');
    expect(Math.round((Number(after.spentUsd) - Number(before.spentUsd)) * 1e9)).toBe(USED_NANO_USD);
  });

  it('has a plain answer waited for, too', async () => {
    const id = await leave('drain', false);
    expect(await budget()).not.toMatchObject({ reservedUsd: '0' });
    goOn();
    expect(await gateway.ledger(id)).toMatchObject({ end: 'cancelled', status: 499, usageSource: 'reported' });
    expect(await budget()).toMatchObject({ reservedUsd: '0' });
  });

  it('is charged nothing where nobody had answered', async () => {
    const id = await leave('cancel', false);
    await upstream.received.at(-1)!.aborted;
    expect(await gateway.ledger(id)).toMatchObject({ end: 'cancelled', usageSource: 'none', costUsd: '0' });
  });
});
