import { countTokens, decodeGenerator, encode } from 'gpt-tokenizer/encoding/o200k_base';
import { beforeAll, describe, expect, it } from 'vitest';
import { countTexts } from '../providers/answer-text.js';
import { JsonDocument } from '../kernel/json-document.js';
import { ChatRequest, type ChatRequestBody } from '../kernel/openai.js';
import { TextSample } from '../kernel/text-sample.js';
import { AnswerFacts } from '../kernel/upstream.js';
import { chatRequest } from '../../test/support/chat-request.js';
import { estimateUsage } from './token-estimate.js';
import { loadEncoding, tokensOf } from './tokenizer.js';

const request = chatRequest({ model: 'm', messages: [{ role: 'user', content: 'Hi' }] });
const PROSE = 'The gateway answers while others fail, and it says why. '.repeat(60);
const TEXTS = {
  prose: PROSE,
  german: 'Zuverlässigkeitsingenieure überprüfen die Verfügbarkeitsanforderungen regelmäßig. '.repeat(40),
  chinese: '网关在上游失败时继续回答，并说明原因。'.repeat(120),
  code: 'function retry(n: number): number {\n  return n > 3 ? 0 : 2 ** n * 100;\n}\n'.repeat(40),
  emoji: 'Done 🎉🚀 — 100 % ✅\n'.repeat(80),
};

/** An answer whose text came in these pieces, as a decoder leaves its facts. */
function answerOf(pieces: readonly string[]): AnswerFacts {
  const facts = new AnswerFacts();
  facts.sample = new TextSample();
  for (const content of pieces) {
    countTexts({ content }, facts);
    facts.deltas++;
  }
  return facts;
}

/** A request as it is admitted: without the texts that are long. */
function outlineOf(body: object): ChatRequest {
  const document = JsonDocument.scan(Buffer.from(JSON.stringify(body)), 32);
  return new ChatRequest(JSON.parse(document.outline()) as ChatRequestBody, document, !document.hasLongTexts);
}

const estimated = (pieces: readonly string[]) =>
  estimateUsage(request, answerOf(pieces), 'o200k_base').completionTokens;
/** The pieces that an engine sends: a token each, or several where it waits for a character to be whole. */
const piecesOf = (text: string): string[] => [...decodeGenerator(encode(text))];

describe('a tokenizer', () => {
  it('knows nothing before it is loaded', () => {
    expect(tokensOf('cl100k_base', ['hi'])).toBeUndefined();
  });

  describe('that is loaded', () => {
    beforeAll(() => loadEncoding('o200k_base'));

    const names = Object.keys(TEXTS) as (keyof typeof TEXTS)[];
    it.each(names)('counts %s as the whole would be counted, to a tenth, in one piece and in many', (name) => {
      const text = TEXTS[name];
      const truth = countTokens(text);
      expect(Math.abs(estimated([text]) / truth - 1)).toBeLessThan(0.1);
      expect(Math.abs(estimated(piecesOf(text)) / truth - 1)).toBeLessThan(0.1);
    });

    it('counts a long answer whose parts are not alike, to 10 %', () => {
      const text = Object.values(TEXTS).join('\n').repeat(5);
      const truth = countTokens(text);
      expect(text.length).toBeGreaterThan(50_000);
      expect(Math.abs(estimated([text]) / truth - 1)).toBeLessThan(0.1);
      expect(Math.abs(estimated(piecesOf(text)) / truth - 1)).toBeLessThan(0.1);
    });

    it('counts a text without any space, half a character, and one that looks like a control token', () => {
      expect(estimated(['ab'.repeat(2_000)])).toBeGreaterThan(400);
      expect(tokensOf('o200k_base', ['\ud83d', 'a\udc00'])).toBeGreaterThan(1);
      expect(tokensOf('o200k_base', ['<|endoftext|>'])).toBeGreaterThan(1);
    });

    it('counts a prompt: its texts and tools, long ones too, and images by their number', () => {
      const image = { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(100_000)}` } };
      const long = TEXTS.chinese.repeat(10);
      const asked = { model: 'm', messages: [{ role: 'user', content: [{ type: 'text', text: long }, image] }] };
      const promptOf = (body: object) => estimateUsage(outlineOf(body), new AnswerFacts(), 'o200k_base').promptTokens;
      expect(Math.abs((promptOf(asked) - 800) / countTokens(long) - 1)).toBeLessThan(0.05);
      const short = { model: 'm', messages: [{ role: 'user', content: PROSE }] };
      expect(Math.abs(promptOf(short) / countTokens(PROSE) - 1)).toBeLessThan(0.05);
      const tools = [{ type: 'function', function: { name: 'f', description: PROSE } }];
      expect(promptOf({ ...short, tools })).toBeGreaterThan(1.9 * countTokens(PROSE));
    });
  });
});
