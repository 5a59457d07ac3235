import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { ScriptedUpstream, type UpstreamScript } from '../support/scripted-upstream.js';
import { answers, beginStream, event, inTurn, refuses } from '../support/upstream-scripts.js';

const ASK = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] };
const USAGE = { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 };

const begins: UpstreamScript = (_request, response) => {
  beginStream(response);
  response.write(event({ content: 'Half of ' }));
};

const breaks: UpstreamScript = (request, response, socket) => {
  void begins(request, response, socket);
  setTimeout(() => socket.resetAndDestroy(), 5);
};

/** `streamUpstream`: engines run a plain request to its end when its caller has left, a stream they stop. */
describe('a plain request to a provider that is always asked for a stream', () => {
  let upstream: ScriptedUpstream;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    upstream = await ScriptedUpstream.start(answers('whole'));
    const provider = (name: string, more: object) => ({
      name,
      kind: 'openai',
      baseUrl: upstream.baseUrl,
      allowPrivate: true,
      streamUpstream: true,
      timeouts: { idleMs: 200 },
      ...more,
    });
    gateway = await GatewayProcess.start({
      config: {
        version: 1,
        auth: { anonymous: { enabled: true, models: ['*'] } },
        providers: [
          provider('first', {}),
          provider('second', { tier: 1 }),
          provider('summing', { usagePerChoice: true }),
        ],
        models: [
          { name: 'm', targets: ['first', 'second'].map((name) => ({ provider: name, model: 'm' })) },
          { name: 'one', targets: [{ provider: 'first', model: 'm' }] },
          { name: 'summed', targets: [{ provider: 'summing', model: 'm' }] },
        ],
        resilience: { shedding: { enabled: false }, breaker: { enabled: false } },
      },
    });
  });
  afterAll(async () => {
    await gateway.stop();
    await upstream.stop();
  });
  beforeEach(() => {
    upstream.received.length = 0;
    upstream.script = answers('whole');
  });

  const sent = (): unknown[] => upstream.received.map(({ body }) => JSON.parse(body.toString()) as unknown);

  it('is sent as a stream with usage, and answered as JSON', async () => {
    const response = await gateway.post(ASK);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await response.json()).toEqual({
      id: 'c',
      object: 'chat.completion',
      created: 1_700_000_000,
      model: 'm',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'whole', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: USAGE,
    });
    expect(sent()).toEqual([{ ...ASK, stream: true, stream_options: { include_usage: true } }]);
  });

  it('is charged what the upstream counts', async () => {
    await (await gateway.post(ASK, { 'x-request-id': 'charged' })).text();
    expect(await gateway.ledger('charged')).toMatchObject({
      stream: false,
      promptTokens: 3,
      completionTokens: 5,
      usageSource: 'reported',
      finishReason: 'stop',
    });
  });

  it('ends the work upstream when its caller leaves', async () => {
    upstream.script = begins;
    const leaving = new AbortController();
    const asked = fetch(`${gateway.publicUrl}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...ASK, model: 'one' }),
      signal: leaving.signal,
    });
    await gateway.until(() => upstream.received.length === 1);
    leaving.abort();
    await expect(asked).rejects.toThrow();
    await upstream.received[0]!.aborted;
  });

  it.each([
    ['breaks', breaks],
    ['falls silent', begins],
  ])('goes to another target when the stream %s in its middle: nothing was sent yet', async (_how, script) => {
    upstream.script = inTurn(script, answers('whole'));
    const response = await gateway.post({ ...ASK, model: 'm' });
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: 'whole' } }] });
    expect(response.headers.get('x-gateway-attempts')).toBe('2');
  });

  it('is refused as the upstream refuses', async () => {
    upstream.script = refuses(400, {}, { code: 'context_length_exceeded' });
    const response = await gateway.post({ ...ASK, model: 'one' });
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { error: { code: 'context_length_exceeded' } },
    ]);
  });

  it('adds usage up over choices where the provider counts each by itself', async () => {
    upstream.script = (_request, response) => {
      beginStream(response);
      const choice = (index: number): string =>
        `data: ${JSON.stringify({ choices: [{ index, delta: { content: `${index}` }, finish_reason: 'stop' }] })}\n\n`;
      const usage = `data: ${JSON.stringify({ choices: [], usage: USAGE })}\n\n`;
      response.end(`${choice(0)}${usage}${choice(1)}${usage}data: [DONE]\n\n`);
    };
    const response = await gateway.post({ ...ASK, model: 'summed', n: 2 });
    expect(await response.json()).toMatchObject({
      choices: [{ message: { content: '0' } }, { message: { content: '1' } }],
      usage: { prompt_tokens: 3, completion_tokens: 10, total_tokens: 13 },
    });
  });

  it('leaves a stream that the caller asked for as it is', async () => {
    const response = await gateway.post({ ...ASK, stream: true });
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(await response.text()).toMatch(/"content":"whole"[^]*data: \[DONE\]\n\n$/);
  });
});
