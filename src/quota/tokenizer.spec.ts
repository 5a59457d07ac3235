import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { beforeAll, describe, expect, it } from 'vitest';
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

describe('a tokenizer', () => {
  it('knows nothing before it is loaded', () => {
    expect(tokensOf('cl100k_base', 'hi')).toBeUndefined();
  });

  describe('that is loaded', () => {
    beforeAll(() => loadEncoding('o200k_base'));

    it.each(Object.keys(TEXTS) as (keyof typeof TEXTS)[])(
      'counts %s as the whole text would be counted, to 2 %%',
      (name) => {
        const text = TEXTS[name];
        const truth = countTokens(text);
        expect(Math.abs(tokensOf('o200k_base', text)! - truth) / truth).toBeLessThan(0.02);
      },
    );

    it('counts a text without any space, and one that looks like a control token', () => {
      expect(tokensOf('o200k_base', 'ab'.repeat(2_000))).toBeGreaterThan(400);
      expect(tokensOf('o200k_base', '<|endoftext|>')).toBeGreaterThan(1);
    });

    it('counts what an answer without usage began with, and takes the rest to be like it', () => {
      const facts = new AnswerFacts();
      facts.sample = new TextSample();
      for (const word of PROSE.repeat(10).match(/\S+\s/g) ?? []) {
        facts.deltas++;
        facts.characters += word.length;
        facts.sample.add(word);
      }
      expect(facts.sample.text).toHaveLength(4_096);
      const { completionTokens } = estimateUsage(request, facts, 'o200k_base');
      expect(Math.abs(completionTokens / countTokens(PROSE.repeat(10)) - 1)).toBeLessThan(0.02);
    });
  });
});

describe('a sample', () => {
  it('counts a piece that it cuts by the part that it keeps', () => {
    const sample = new TextSample();
    sample.add('x'.repeat(4_000), 8_000);
    expect(sample.wanting).toBe(true);
    sample.add('y'.repeat(192), 1_920);
    expect(sample).toMatchObject({ characters: 8_960, wanting: false });
    sample.add('z');
    expect(sample.text).toHaveLength(4_096);
  });
});
