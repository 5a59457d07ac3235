import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway-process.js';
import { ScriptedUpstream } from '../support/scripted-upstream.js';
import { beginStream, event } from '../support/upstream-scripts.js';

const REQUESTS = 200;
const KEY = 'a-key-that-has-a-budget';
const NANO_USD_PER_TOKEN = 1_000;
const PASSAGES = [
  'A budget that is checked before it is spent cannot be overspent by two callers at once. ',
  'Zuverlässigkeit entsteht dort, wo Störungen begrenzt und Ursachen sichtbar werden. ',
  '预算在推理之前检查，因此两个调用者不会同时超支。',
  'const spent = charges.reduce((sum, { nanoUsd }) => sum + nanoUsd, 0);\n',
  'Deployed 🚀, all green ✅ — see you tomorrow 👋 ',
  '{"id":"3f9a0c71","path":"C:\\\\logs\\\\a.txt","ok":false,"ms":18.25}\n',
  'Отказ поставщика не должен становиться отказом приложения. ',
];

/** Up to 12,000 characters; the parts of the long ones are not alike. */
function textOf(seed: number): string {
  let text = '';
  for (let n = 0; n <= seed % 13; n++)
    text += (PASSAGES[(seed + n) % PASSAGES.length] ?? '').repeat(1 + ((seed * n) % 17));
  return text;
}

/** The members of a message in which a text can stand. */
const SAYING: readonly ((text: string) => object)[] = [
  (text) => ({ content: text }),
  (text) => ({ content: null, reasoning_content: text }),
  (text) => ({ content: '', reasoning: text }),
  (text) => ({ tool_calls: [{ index: 0, function: { arguments: text } }] }),
];
const saidBy = (seed: number) => SAYING[seed % 3 === 0 ? Math.floor(seed / 3) % SAYING.length : 0]!;
/** Several words at a time, as engines send that wait for each other. */
const piecesOf = (text: string): string[] => text.match(/.{1,60}/gsu) ?? [];
/** As Python writes JSON by itself. */
const asciiOf = (json: string): string =>
  json.replace(/[^\n -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

describe('answers of an upstream that reports no usage', () => {
  let upstream: ScriptedUpstream;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    upstream = await ScriptedUpstream.start(({ body }, response) => {
      const { stream, seed } = JSON.parse(body.toString()) as { stream?: boolean; seed: number };
      const written = (json: string): string => (seed % 2 === 0 ? json : asciiOf(json));
      const say = saidBy(seed);
      const text = textOf(seed);
      if (stream === true) {
        beginStream(response);
        for (const piece of piecesOf(text)) response.write(written(event(say(piece))));
        response.end(`${event({}, 'stop')}data: [DONE]\n\n`);
        return;
      }
      const choices = [{ index: 0, message: { role: 'assistant', ...say(text) }, finish_reason: 'stop' }];
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(written(JSON.stringify({ id: 'c', object: 'chat.completion', created: 1, model: 'm', choices })));
    });
    const price = { inputPerMillion: '1', outputPerMillion: '1' };
    gateway = await GatewayProcess.start({
      config: {
        version: 1,
        auth: { keys: [{ id: 'spender', secret: KEY, budgets: [{ scope: 'key', window: '30d', usd: 1_000 }] }] },
        providers: [
          { name: 'up', kind: 'vllm', baseUrl: upstream.baseUrl, allowPrivate: true, tokenizer: 'o200k_base' },
        ],
        models: [{ name: 'm', targets: [{ provider: 'up', model: 'm', price }] }],
      },
    });
  });
  afterAll(async () => {
    await gateway.stop();
    await upstream.stop();
  });

  const spent = async (): Promise<number> => {
    const response = await fetch(`${gateway.publicUrl}/v1/usage`, { headers: { authorization: `Bearer ${KEY}` } });
    const { budgets } = (await response.json()) as { budgets: { spentUsd: string }[] };
    return Math.round(Number(budgets[0]!.spentUsd) * 1e9);
  };

  it.each([false, true])('are charged within a tenth of what a tokenizer counts, streamed: %s', async (stream) => {
    const before = await spent();
    let truth = 0;
    let quarterOfCharacters = 0;
    for (let from = 0; from < REQUESTS; from += 20) {
      const batch = Array.from({ length: 20 }, async (_, n) => {
        const seed = from + n;
        const body = { model: 'm', messages: [{ role: 'user', content: 'Hi' }], stream, seed };
        const headers = { authorization: `Bearer ${KEY}`, 'x-request-id': `${String(stream)}-${seed}` };
        const response = await gateway.post(body, headers);
        await response.text();
        expect(response.status).toBe(200);
        truth += countTokens(textOf(seed));
        quarterOfCharacters += textOf(seed).length / 4;
      });
      await Promise.all(batch);
    }
    let charged = 0;
    let prompts = 0;
    for (let seed = 0; seed < REQUESTS; seed++) {
      const line = await gateway.ledger(`${String(stream)}-${seed}`);
      expect(line.usageSource).toBe('estimated');
      expect(line.completionTokens).toBeGreaterThan(0);
      charged += line.completionTokens as number;
      prompts += line.promptTokens as number;
    }
    expect(Math.abs(charged / truth - 1)).toBeLessThan(0.1);
    expect((await spent()) - before).toBe((charged + prompts) * NANO_USD_PER_TOKEN);
    // Without a tokenizer these texts would be charged a seventh less.
    expect(quarterOfCharacters / truth).toBeLessThan(0.88);
  });
});
