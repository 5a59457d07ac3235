import { type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';

interface Chunk {
  readonly choices: readonly {
    readonly index: number;
    readonly delta: { readonly content?: string };
    readonly finish_reason: string | null;
  }[];
}

const ask = (content: string, more: object = {}) => ({ model: 'm', messages: [{ role: 'user', content }], ...more });

/** Streams each text as one delta, then ends; `endless` goes on until the caller lets go. */
function stream(response: ServerResponse, texts: readonly string[], endless = false): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const chunk = (delta: object, finish: string | null = null) =>
    response.write(
      `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`,
    );
  chunk({ role: 'assistant', content: '' });
  for (const content of texts) chunk({ content });
  if (endless) {
    const timer = setInterval(() => chunk({ content: ' more' }), 5);
    response.on('close', () => clearInterval(timer));
    return;
  }
  chunk({}, 'stop');
  response.end('data: [DONE]\n\n');
}

describe('guardrails', () => {
  let upstream: ScriptedUpstream;
  let gateway: GatewayProcess;
  let texts: readonly string[] = [];
  let endless = false;

  beforeAll(async () => {
    upstream = await ScriptedUpstream.start((request, response) => {
      const { stream: streamed } = JSON.parse(request.body.toString()) as { stream?: boolean };
      if (streamed) {
        stream(response, texts, endless);
        return;
      }
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({
          id: 'c',
          object: 'chat.completion',
          created: 1,
          model: 'm',
          choices: [{ index: 0, message: { role: 'assistant', content: texts.join('') }, finish_reason: 'stop' }],
          usage: { prompt_tokens: 1, completion_tokens: 5, total_tokens: 6 },
        }),
      );
    });
    gateway = await GatewayProcess.start({
      config: {
        version: 1,
        providers: [
          { name: 'up', kind: 'openai', baseUrl: upstream.baseUrl, allowPrivate: true, probe: { enabled: false } },
        ],
        models: [
          { name: 'm', targets: [{ provider: 'up', model: 'm' }] },
          { name: 'short', targets: [{ provider: 'up', model: 'm' }], output: { maxCharacters: 8 } },
        ],
        guardrails: {
          input: { bannedWords: ['forbidden'], maxMessages: 3 },
          output: { bannedWords: ['secret', { text: 'codename', word: true, action: 'redact', id: 'codename' }] },
        },
      },
    });
  });
  afterAll(async () => {
    await gateway.stop();
    await upstream.stop();
  });

  const streamed = async (model = 'm'): Promise<{ text: string; finish: string | null; raw: string }> => {
    const raw = await (await gateway.post({ ...ask('hi', { stream: true }), model })).text();
    const chunks = raw
      .split('\n\n')
      .filter((event) => event.startsWith('data: {'))
      .map((event) => JSON.parse(event.slice(6)) as Chunk);
    const choices = chunks.flatMap((chunk) => chunk.choices);
    return {
      raw,
      text: choices.map(({ delta }) => delta.content ?? '').join(''),
      finish: choices.map(({ finish_reason }) => finish_reason).find(Boolean) ?? null,
    };
  };

  it('refuses a prompt that holds a banned word before any upstream is called, and logs no text', async () => {
    const before = upstream.received.length;
    const response = await gateway.post(ask('this is for\u200Bbidden'), { 'x-request-id': 'banned-1' });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: 'content_filter', param: 'messages[0].content' } });
    expect(upstream.received.length).toBe(before);
    await gateway.ledger('banned-1');
    expect(JSON.stringify(gateway.log)).not.toContain('bidden');
  });

  it('counts a match by the id of its rule', async () => {
    await (await gateway.post(ask('forbidden'))).text();
    const samples = await gateway.metrics();
    const counted = [...samples].find(([name]) =>
      name.startsWith('gateway_guardrail_blocks_total{direction="input",rule_id="input-0"'),
    );
    expect(counted?.[1]).toBeGreaterThanOrEqual(1);
  });

  it('names the member that is too many', async () => {
    const message = { role: 'user', content: 'x' };
    const response = await gateway.post({ model: 'm', messages: [message, message, message, message] });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: 'invalid_value', param: 'messages' } });
  });

  it('lets nothing of a word leave that is split over chunks, and ends with content_filter and [DONE]', async () => {
    texts = ['The sec', 'r', 'et is out'];
    const { text, finish, raw } = await streamed();
    expect(text).toBe('The ');
    expect(finish).toBe('content_filter');
    expect(raw.trimEnd().endsWith('data: [DONE]')).toBe(true);
  });

  it('cancels the upstream that goes on after a match', async () => {
    texts = ['secret'];
    endless = true;
    await streamed();
    endless = false;
    await upstream.received.at(-1)!.aborted;
  });

  it('replaces a word whose rule redacts, and the stream goes on', async () => {
    texts = ['The code', 'name is known'];
    expect(await streamed()).toMatchObject({ text: 'The *** is known', finish: 'stop' });
  });

  it('treats a plain answer the same', async () => {
    texts = ['The secret is out'];
    const answer = (await (await gateway.post(ask('hi'))).json()) as {
      choices: { message: { content: string }; finish_reason: string }[];
    };
    expect(answer.choices[0]).toMatchObject({ message: { content: 'The ' }, finish_reason: 'content_filter' });
  });

  it("ends a stream at the model's character limit with finish_reason length", async () => {
    texts = ['12345', '67890', 'abc'];
    expect(await streamed('short')).toMatchObject({ text: '12345678', finish: 'length' });
  });
});

describe('a caller that leaves while its prompt is searched', () => {
  let gateway: GatewayProcess;
  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      config: {
        version: 1,
        auth: { anonymous: { enabled: true } },
        providers: [{ name: 'p', kind: 'simulated', simulated: { firstTokenMs: 0, tokenMs: 0, tokens: 4 } }],
        models: [{ name: 'm', targets: [{ provider: 'p', model: 'm' }] }],
        guardrails: { input: { bannedWords: [{ text: 'codename', word: true, action: 'redact', id: 'codename' }] } },
      },
    });
  });
  afterAll(() => gateway.stop());

  const leave = async (bytes: number, id: string): Promise<void> => {
    const body = JSON.stringify(ask(`${'a b '.repeat(bytes / 4)} codename`));
    const lines = [
      'host: x',
      'content-type: application/json',
      `x-request-id: ${id}`,
      `content-length: ${body.length}`,
    ];
    const head = ['POST /v1/chat/completions HTTP/1.1', ...lines, '', ''].join('\r\n');
    const { hostname, port } = new URL(gateway.publicUrl);
    const socket = connect(Number(port), hostname);
    await new Promise((resolve) => socket.write(head + body, resolve));
    socket.destroy();
  };

  it.each([40_000, 400_000, 4_000_000])('costs nobody an error: %d bytes', async (bytes) => {
    const ids = Array.from({ length: 8 }, (_, turn) => `left-${bytes}-${turn}`);
    for (const id of ids) await leave(bytes, id);
    const ledger = await Promise.all(ids.map((id) => gateway.ledger(id)));
    // One that was answered before it had left is no failure either.
    expect(ledger.map(({ end }) => end)).not.toContain('failed');
    // The search goes on for a moment after its caller was written down.
    expect((await gateway.post(ask('codename'))).status).toBe(200);
    expect(gateway.log.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
