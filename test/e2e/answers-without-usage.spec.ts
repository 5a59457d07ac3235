import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';
import { beginStream, event } from '../support/upstream-scripts.js';

const REQUESTS = 200;
const TEXTS = [
  'A budget that is checked before it is spent cannot be overspent by two callers at once. ',
  'Zuverlässigkeit entsteht dort, wo Störungen begrenzt und Ursachen sichtbar werden. ',
  '预算在推理之前检查，因此两个调用者不会同时超支。',
  'const spent = charges.reduce((sum, { nanoUsd }) => sum + nanoUsd, 0);\n',
  'Deployed 🚀, all green ✅ — see you tomorrow 👋 ',
];
const textOf = (n: number): string => (TEXTS[n % TEXTS.length] ?? '').repeat(1 + (n % 40));
/** Several words at a time, as engines send that wait for each other. */
const piecesOf = (text: string): string[] => text.match(/.{1,60}/gsu) ?? [];

describe('answers of an upstream that reports no usage', () => {
  let upstream: ScriptedUpstream;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    upstream = await ScriptedUpstream.start(({ body }, response) => {
      const { stream, seed } = JSON.parse(body.toString()) as { stream?: boolean; seed: number };
      const content = textOf(seed);
      if (stream === true) {
        beginStream(response);
        for (const piece of piecesOf(content)) response.write(event({ content: piece }));
        response.end(`${event({}, 'stop')}data: [DONE]\n\n`);
        return;
      }
      const choices = [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }];
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ id: 'c', object: 'chat.completion', created: 1, model: 'm', choices }));
    });
    gateway = await GatewayProcess.start({
      config: {
        version: 1,
        providers: [
          { name: 'up', kind: 'vllm', baseUrl: upstream.baseUrl, allowPrivate: true, tokenizer: 'o200k_base' },
        ],
        models: [{ name: 'm', targets: [{ provider: 'up', model: 'm' }] }],
      },
    });
  });
  afterAll(async () => {
    await gateway.stop();
    await upstream.stop();
  });

  it.each([false, true])('are charged within a tenth of what a tokenizer counts, streamed: %s', async (stream) => {
    let truth = 0;
    for (let from = 0; from < REQUESTS; from += 20) {
      const batch = Array.from({ length: 20 }, async (_, n) => {
        const seed = from + n;
        const body = { model: 'm', messages: [{ role: 'user', content: 'Hi' }], stream, seed };
        const response = await gateway.post(body, { 'x-request-id': `${String(stream)}-${seed}` });
        await response.text();
        expect(response.status).toBe(200);
        truth += countTokens(textOf(seed));
      });
      await Promise.all(batch);
    }
    let charged = 0;
    for (let seed = 0; seed < REQUESTS; seed++) {
      const line = await gateway.ledger(`${String(stream)}-${seed}`);
      expect(line.usageSource).toBe('estimated');
      expect(line.completionTokens).toBeGreaterThan(0);
      charged += line.completionTokens as number;
    }
    expect(Math.abs(charged / truth - 1)).toBeLessThan(0.1);
  });
});
