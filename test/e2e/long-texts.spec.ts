import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';

/** Beyond what is read of a string: quotes, escapes, characters of two to four bytes. */
const LONG = 'Line one.\n"Quoted" \\ back, é 漢 🦉\t'.repeat(20_000);
const MOST_BYTES = 1_000_000;
const LAST = 'the very last words';

describe('a request with long texts', () => {
  let upstream: ScriptedUpstream;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    upstream = await ScriptedUpstream.start((request, response) => {
      const messages = request.url.endsWith('/messages');
      response.writeHead(200, { 'content-type': 'application/json' });
      const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
      const message = { role: 'assistant', content: 'ok' };
      response.end(
        JSON.stringify(
          messages
            ? {
                ...{ id: 'a', type: 'message', role: 'assistant', model: 'x', stop_reason: 'end_turn' },
                ...{ content: [{ type: 'text', text: 'ok' }], usage: { input_tokens: 1, output_tokens: 1 } },
              }
            : {
                id: 'c',
                object: 'chat.completion',
                created: 1,
                model: 'x',
                choices: [{ index: 0, message, finish_reason: 'stop' }],
                usage,
              },
        ),
      );
    });
    const up = { baseUrl: upstream.baseUrl, allowPrivate: true, probe: { enabled: false } };
    gateway = await GatewayProcess.start({
      config: {
        version: 1,
        providers: [
          { name: 'same', kind: 'openai', ...up },
          { name: 'other', kind: 'anthropic', ...up },
        ],
        guardrails: { input: { maxStringBytes: MOST_BYTES } },
        models: [
          { name: 'x', targets: [{ provider: 'same', model: 'x' }] },
          { name: 'renamed', targets: [{ provider: 'same', model: 'x' }] },
          { name: 'translated', targets: [{ provider: 'other', model: 'x' }] },
        ],
      },
    });
  });
  afterAll(async () => {
    await gateway.stop();
    await upstream.stop();
  });

  const ask = (model: string, content = LONG + LAST) => ({ model, messages: [{ role: 'user', content }] });
  const lastBody = () => upstream.received.at(-1)?.body.toString() ?? '';

  it('passes byte for byte where nothing has to change', async () => {
    const sent = ask('x');
    expect((await gateway.post(sent)).status).toBe(200);
    expect(lastBody()).toBe(JSON.stringify(sent));
  });

  it('keeps its texts where a member changes', async () => {
    expect((await gateway.post(ask('renamed'))).status).toBe(200);
    expect(JSON.parse(lastBody())).toEqual(ask('x'));
  });

  it('is translated with its texts whole', async () => {
    expect((await gateway.post(ask('translated'))).status).toBe(200);
    expect(lastBody()).toContain(LAST);
    expect(lastBody()).toContain(JSON.stringify(LONG).slice(1, -1));
  });

  it('is refused for a text that is none, however far into it, and never reaches an upstream', async () => {
    const before = upstream.received.length;
    const marked = JSON.stringify(ask('x', `${LONG}#${LAST}`));
    for (const bad of ['\n', '\u0000', '\\x', '\\u12', '"']) {
      const response = await gateway.post(marked.replace('#', () => bad));
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ error: { code: 'invalid_json', type: 'invalid_request_error' } });
    }
    expect(upstream.received.length).toBe(before);
  });

  it('is held to the longest string that is allowed, as it is meant and not as it is written', async () => {
    expect((await gateway.post(ask('x', '\n'.repeat(MOST_BYTES)))).status).toBe(200);
    const response = await gateway.post(ask('x', 'x'.repeat(MOST_BYTES + 1)));
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param: 'messages[0].content' } });
  });

  it('is held to the lengths that its members may have', async () => {
    const response = await gateway.post({ ...ask('x', 'hi'), safety_identifier: 'x'.repeat(10_000) });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param: 'safety_identifier' } });
  });
});
