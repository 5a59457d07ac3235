import { describe, expect, it } from 'vitest';
import { chatRequestSchema, type ChatMessage } from '../kernel/openai.js';
import { type BannedWord, type OutputLimits } from '../kernel/snapshot.js';
import { compileAutomaton } from './aho-corasick.js';
import { checkInput, type InputBounds } from './input-limits.js';
import { outputLimitsFor, upstreamTokenCap } from './output-limits.js';
import { scanPrompt } from './prompt-scan.js';
import { type GuardrailHit } from './rule.js';
import { WordRule } from './word-matcher.js';

const settings = { maxBytes: 1000, maxMessages: 2, maxStringBytes: 40, maxTools: 1, maxChoices: 4 };
const bounds: InputBounds = { settings, bytes: 100, maxTokensPerRequest: 50, contextTokens: 10, promptTokens: 10 };
const user: ChatMessage = { role: 'user', content: 'hi' };

function refusal(members: Record<string, unknown>, over: Partial<InputBounds> = {}): string | undefined {
  const body = chatRequestSchema.parse({ model: 'm', messages: [user], ...members });
  const error = checkInput(body, { ...bounds, ...over });
  return error && `${error.status} ${error.code} ${error.param ?? '-'}`;
}

describe('checkInput', () => {
  const tool = { type: 'function' };
  it.each<[string, Record<string, unknown>, Partial<InputBounds>, Record<string, unknown>, Partial<InputBounds>]>([
    ['invalid_value -', {}, { bytes: 1000 }, {}, { bytes: 1001 }],
    ['invalid_value messages', { messages: [user, user] }, {}, { messages: [user, user, user] }, {}],
    ['invalid_value tools', { tools: [tool] }, {}, { tools: [tool, tool] }, {}],
    ['invalid_value n', { n: 4 }, {}, { n: 5 }, {}],
    ['invalid_value max_tokens', { max_tokens: 50 }, {}, { max_tokens: 51 }, {}],
    ['invalid_value max_completion_tokens', { max_completion_tokens: 50 }, {}, { max_completion_tokens: 51 }, {}],
    ['context_length_exceeded messages', {}, { promptTokens: 10 }, {}, { promptTokens: 11 }],
    [
      'invalid_value messages[0].content[0].text',
      { messages: [{ role: 'user', content: [{ type: 'text', text: 'é'.repeat(20) }] }] },
      {},
      { messages: [{ role: 'user', content: [{ type: 'text', text: 'é'.repeat(20) + 'a' }] }] },
      {},
    ],
  ])('refuses with %s one over the limit, and nothing at it', (expected, at, boundsAt, over, boundsOver) => {
    expect(refusal(at, boundsAt)).toBeUndefined();
    expect(refusal(over, boundsOver)).toBe(`400 ${expected}`);
  });

  it('refuses nothing for limits that are not set', () => {
    const open = { maxTokensPerRequest: undefined, contextTokens: undefined, promptTokens: 1e9 };
    expect(refusal({ max_tokens: 1e6 }, open)).toBeUndefined();
  });
});

function wordRules(action: BannedWord['action']): WordRule[] {
  return [new WordRule(compileAutomaton(['forbidden']), [{ text: 'forbidden', word: false, action, id: 'w' }])];
}

async function scan(messages: readonly ChatMessage[], action: BannedWord['action'] = 'block') {
  const hits: GuardrailHit[] = [];
  let turns = 0;
  const turn = (): Promise<void> => {
    turns++;
    return Promise.resolve();
  };
  const verdict = await scanPrompt(messages, wordRules(action), (hit) => void hits.push(hit), turn);
  return { ...verdict, hits, turns };
}

describe('scanPrompt', () => {
  const parts = (...texts: string[]): ChatMessage => {
    return { role: 'user', content: texts.map((text) => ({ type: 'text', text })) };
  };

  it('blocks a banned word with the place, and says it nowhere', async () => {
    const { error, hits } = await scan([user, { role: 'user', content: 'a ＦＯＲbidden' }]);
    expect(error).toMatchObject({ status: 400, code: 'content_filter', param: 'messages[1].content' });
    expect(hits).toEqual([
      { ruleId: 'w', action: 'block', direction: 'input', field: 'messages[1].content', offset: 2 },
    ]);
    expect(JSON.stringify([error?.toObject(), hits])).not.toMatch(/forbidden/i);
  });

  it('finds a word that is split over the parts of a message, not over messages', async () => {
    expect((await scan([parts('for', 'bid', 'den')])).error).toBeDefined();
    expect((await scan([parts('forbid'), parts('den')])).error).toBeUndefined();
    const mixed = {
      role: 'user',
      content: [{ type: 'text', text: 'forbid' }, { type: 'image_url' }, { type: 'text', text: 'den' }],
    };
    expect((await scan([mixed as ChatMessage])).error).toBeDefined();
  });

  it('redacts in the parts where the word stands, with one mark', async () => {
    const { messages, error } = await scan([user, parts('a forb', 'id', 'den b')], 'redact');
    expect(error).toBeUndefined();
    expect(messages).toEqual([user, parts('a ***', '', ' b')]);
    expect((await scan([{ role: 'user', content: 'a forbidden, forbidden b' }], 'redact')).messages).toEqual([
      { role: 'user', content: 'a ***, *** b' },
    ]);
  });

  it('changes nothing where it only flags', async () => {
    const { messages, hits } = await scan([{ role: 'user', content: 'forbidden forbidden' }], 'flag');
    expect(messages).toBeUndefined();
    expect(hits).toHaveLength(1);
  });

  it('gives the event loop its turn within a long prompt, also within one word', async () => {
    const { error, turns } = await scan([
      { role: 'user', content: `${'x'.repeat(8190)}forbidden${'x'.repeat(40_000)}` },
    ]);
    expect(error).toBeDefined();
    expect(turns).toBeGreaterThanOrEqual(5);
    expect((await scan([user])).turns).toBe(0);
  });
});

describe('output limits', () => {
  const none: OutputLimits = { maxCharacters: undefined, maxTokens: undefined };
  const key = (maxTokensPerRequest?: number) => {
    const rest = { requestsPerMinute: undefined, requestBurst: undefined, tokensPerMinute: undefined };
    return { ...rest, concurrentRequests: undefined, maxTokensPerRequest };
  };

  it('takes the model over the global ones, and never more tokens than the key may have', () => {
    const global = { maxCharacters: 100, maxTokens: 50 };
    expect(outputLimitsFor(global, none, key())).toEqual(global);
    expect(outputLimitsFor(global, { maxCharacters: 500, maxTokens: 80 }, key(60))).toEqual({
      maxCharacters: 500,
      maxTokens: 60,
    });
    expect(outputLimitsFor(none, none, key())).toEqual(none);
  });

  it('caps what is asked upstream at the lower of both', () => {
    expect(upstreamTokenCap({ ...none, maxTokens: 10 }, undefined)).toBe(10);
    expect(upstreamTokenCap({ ...none, maxTokens: 10 }, 5)).toBe(5);
    expect(upstreamTokenCap({ ...none, maxTokens: 10 }, 20)).toBe(10);
    expect(upstreamTokenCap(none, undefined)).toBeUndefined();
  });
});
