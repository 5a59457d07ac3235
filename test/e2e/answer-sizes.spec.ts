import { type ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';

const answerSaying = (content: string): Buffer =>
  Buffer.from(
    JSON.stringify({
      ...{ id: 'c', object: 'chat.completion', created: 1, model: 'x' },
      choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
    }),
  );

const ask = (content: string) => ({ model: 'x', messages: [{ role: 'user', content }] });
const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer());

/** How the bytes of an answer leave an upstream. */
const WAYS: readonly (readonly [string, (response: ServerResponse, body: Buffer) => void])[] = [
  [
    'at once',
    (response, body) => {
      response.setHeader('content-length', body.length);
      response.end(body);
    },
  ],
  [
    'behind its head',
    (response, body) => {
      response.setHeader('content-length', body.length);
      response.flushHeaders();
      setImmediate(() => response.end(body));
    },
  ],
  [
    'in two pieces',
    (response, body) => {
      response.setHeader('content-length', body.length);
      response.write(body.subarray(0, body.length >> 1));
      setImmediate(() => response.end(body.subarray(body.length >> 1)));
    },
  ],
  ['in chunks', (response, body) => void response.write(body, () => response.end())],
];

describe('a plain answer', () => {
  let upstream: ScriptedUpstream;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    upstream = await ScriptedUpstream.start(() => undefined);
    const up = { baseUrl: upstream.baseUrl, allowPrivate: true, probe: { enabled: false } };
    gateway = await GatewayProcess.start({
      config: {
        version: 1,
        providers: [{ name: 'up', kind: 'openai', ...up }],
        models: [{ name: 'x', targets: [{ provider: 'up', model: 'x' }] }],
      },
    });
  });
  afterAll(async () => {
    await gateway.stop();
    await upstream.stop();
  });

  // Around the size up to which an answer is text, and around that of a read; one, two and four bytes to a character.
  const sizes = [1, 4_000, 7_900, 8_300, 66_000, 300_000];
  const cases = WAYS.flatMap(([way, send]) => ['a', 'é', '🦉'].map((character) => ({ way, send, character })));

  it.each(cases)('leaves byte for byte that came $way: $character', async ({ send, character }) => {
    for (const size of sizes) {
      const body = answerSaying(character.repeat(size));
      upstream.script = (_request, response) => send(response.setHeader('content-type', 'application/json'), body);
      const response = await gateway.post(ask('size'));
      expect(response.headers.get('content-length')).toBe(String(body.length));
      expect((await bytesOf(response)).equals(body)).toBe(true);
    }
  });

  it('is its own, however many others come over the same connections', async () => {
    upstream.script = (request, response) => {
      const { messages } = JSON.parse(request.body.toString()) as ReturnType<typeof ask>;
      const body = answerSaying((messages[0]?.content ?? '').repeat(100));
      WAYS[request.body.length % WAYS.length]?.[1](response.setHeader('content-type', 'application/json'), body);
    };
    for (let round = 0; round < 10; round++) {
      const texts = Array.from({ length: 32 }, (_, caller) => `${round}-${caller}-${'x'.repeat(caller)};`);
      const answers = await Promise.all(texts.map(async (text) => bytesOf(await gateway.post(ask(text)))));
      expect(answers.map(String)).toEqual(texts.map((text) => answerSaying(text.repeat(100)).toString()));
    }
  });
});
