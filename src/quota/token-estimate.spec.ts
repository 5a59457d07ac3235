import { describe, expect, it } from 'vitest';
import { chatRequest } from '../../test/support/chat-request.js';
import { AnswerFacts } from '../kernel/upstream.js';
import { estimateUsage, isCredible, promptSize } from './token-estimate.js';

const request = chatRequest({ model: 'm', messages: [{ role: 'user', content: 'x'.repeat(101) }] });
const facts = (known: Partial<AnswerFacts>) => Object.assign(new AnswerFacts(), known);
const usage = (promptTokens: number, completionTokens: number, cachedTokens = 0) => ({
  promptTokens,
  completionTokens,
  cachedTokens,
});

describe('the size of a prompt', () => {
  it('is the bytes of the whole request, tools included, its messages and the images it only names', () => {
    const image = { type: 'image_url', image_url: { url: 'https://pictures.test/1' } };
    const messages = [
      { role: 'system', content: 'x' },
      { role: 'user', content: [{ type: 'text', text: 'x' }, image, image] },
    ];
    const tools = [{ type: 'function', function: { name: 'f', description: 'd'.repeat(1000) } }];
    const asked = chatRequest({ model: 'm', messages, tools });
    expect(promptSize(asked)).toEqual({ bytes: asked.document.bytes.length, messages: 2, images: 2 });
  });
});

describe('the estimate of usage that nobody reported', () => {
  it('is four tokens for a message and one for four bytes of it, and for four characters of the answer', () => {
    expect(estimateUsage(request, facts({ deltas: 1, characters: 41 }))).toEqual(usage(4 + Math.ceil(101 / 4), 11));
  });

  it('is a token per event at least', () => {
    expect(estimateUsage(request, facts({ deltas: 30, characters: 41 })).completionTokens).toBe(30);
  });
});

describe('reported usage', () => {
  it.each([usage(0, 0), usage(50, 100), usage(50, 100, 50), usage(400, 400 + 100)])('is believed: %j', (reported) => {
    expect(isCredible(reported, 100, 100)).toBe(true);
  });

  it.each([
    usage(-1, 5),
    usage(5, -1),
    usage(5, 5, -1),
    usage(1.5, 5),
    usage(NaN, 5),
    usage(Infinity, 5),
    usage(2 ** 53, 5),
    usage(401, 5),
    usage(5, 501),
  ])('is not believed: %j', (reported) => {
    expect(isCredible(reported, 100, 100)).toBe(false);
  });
});
