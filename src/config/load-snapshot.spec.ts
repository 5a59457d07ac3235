import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { configSources } from '../../test/support/config-sources.js';
import { type Snapshot } from '../kernel/snapshot.js';
import { buildSnapshot } from './load-snapshot.js';

const MINIMAL = `
version: 1
providers: [{ name: a, kind: simulated }]
models: [{ name: m, targets: [{ provider: a, model: x }] }]
`;
const SECRET = 'sixteen-characters-of-secret';

/** The file of the design document: outside programs are written against these names. */
const DESIGN = `
version: 1
auth:
  anonymous: { enabled: true, models: ['*'] }
  keys:
    - id: team-a
      secret: \${env:GATEWAY_KEY_TEAM_A}
      org: acme
      role: client
      priority: default
      models: ['gpt-*']
      providers: ['*']
      limits:  { requestsPerMinute: 600, requestBurst: 100, tokensPerMinute: 200000, concurrentRequests: 50, maxTokensPerRequest: 4096 }
      budgets: [{ scope: key, window: 1d, usd: 25 }, { scope: org, window: month, usd: 1000 }]
      budgetOnRedisDown: deny
providers:
  - name: openai
    kind: openai
    baseUrl: https://api.openai.com/v1
    apiKey: \${env:OPENAI_API_KEY}
    hosting: hosted
    weight: 70
    tier: 0
    enabled: true
    allowPrivate: false
    timeouts: { connectMs: 2000, firstTokenMs: 30000, idleMs: 30000, totalMs: 600000 }
    concurrency: { limiter: auto, min: 4, max: 512 }
    onDisconnect: cancel
    requestIdHeader: raw
  - name: mock_openai
    kind: simulated
    simulated: { firstTokenMs: 50, tokenMs: 10, tokens: 32, errorRate: 0, seed: 1 }
  - { name: vllm-a, kind: vllm, baseUrl: 'http://10.0.0.7:8000/v1/', allowPrivate: true, hosting: selfHosted }
models:
  - name: gpt-4o-mini
    targets: [{ provider: openai, model: gpt-4o-mini }, { provider: vllm-a, model: Qwen/Qwen3-8B, weight: 30, tier: 1, continuesPrefix: true }]
    contextTokens: 128000
    maxOutputTokens: 16384
    price: { inputPerMillion: 0.15, cachedInputPerMillion: 0.075, outputPerMillion: 0.60 }
routing:    { strategy: weighted }
resilience: { maxAttempts: 3, maxRetryAfterWaitMs: 3000, retryBudgetRatio: 0.1, midStream: error,
              breaker: { enabled: true }, queue: { enabled: true }, hedging: { enabled: false }, shedding: { enabled: true },
              drain: { delayMs: 5000, timeoutMs: 120000 } }
guardrails: { input: { bannedWords: [], maxBytes: 10485760 }, output: { bannedWords: [], maxCharacters: null, maxTokens: null }, words: [{ text: forbidden, word: true }] }
limits:     { maxInFlight: 1000, bodyBytes: 10485760, maxConnections: 8192, maxConnectionsPerAddress: null }
quota:      { reservation: { mode: whole }, leaseMs: 30000, onLeaseExpiry: release }
chaos:      { enabled: false }
slo:        { availability: 0.999, firstTokenMs: 2000, firstTokenRatio: 0.95 }
`;
const DESIGN_VARIABLES = { GATEWAY_KEY_TEAM_A: SECRET, OPENAI_API_KEY: 'sk-upstream' };

const load = (text: string, variables: Record<string, string> = {}, files: Record<string, string> = {}): Snapshot =>
  buildSnapshot(text, configSources(variables, files)).snapshot;
const warningsOf = (text: string): readonly string[] => buildSnapshot(text, configSources()).warnings;

describe('the snapshot of a file', () => {
  it('maps the file of the design', () => {
    const snapshot = load(DESIGN, DESIGN_VARIABLES);
    const [key] = snapshot.keys;
    expect(key!.secret!.reveal()).toBe(SECRET);
    expect(key!.principal).toMatchObject({ keyId: 'team-a', org: 'acme', team: undefined, models: ['gpt-*'] });
    expect(key!.principal.budgets).toEqual([
      { scope: 'key', window: '1d', limitNanoUsd: 25_000_000_000 },
      { scope: 'org', window: 'month', limitNanoUsd: 1_000_000_000_000 },
    ]);
    const model = snapshot.models.get('gpt-4o-mini')!;
    const price = { inputPicoUsd: 150_000, cachedInputPicoUsd: 75_000, outputPicoUsd: 600_000, tiers: [] };
    expect(model.price).toEqual(price);
    expect(model.targets.map(({ id, weight, tier, price: own }) => ({ id, weight, tier, own }))).toEqual([
      { id: 'openai/gpt-4o-mini', weight: 70, tier: 0, own: price },
      { id: 'vllm-a/Qwen/Qwen3-8B', weight: 30, tier: 1, own: price },
    ]);
    expect(snapshot.guardrails.input.words).toEqual([
      { text: 'forbidden', word: true, action: 'block', id: 'words-0' },
    ]);
    expect(snapshot.guardrails.output.words).toEqual(snapshot.guardrails.input.words);
  });

  it('fills a minimal file with the defaults of the specification', () => {
    const snapshot = load(MINIMAL);
    expect(snapshot.providers.get('a')).toEqual({
      name: 'a',
      kind: 'simulated',
      baseUrl: undefined,
      apiKey: undefined,
      hosting: 'hosted',
      weight: 1,
      tier: 0,
      enabled: true,
      allowPrivate: false,
      timeouts: { connectMs: 2000, firstTokenMs: 30_000, idleMs: 30_000, totalMs: 600_000 },
      concurrency: { limiter: 'auto', initial: 256, min: 4, max: 512 },
      onDisconnect: 'cancel',
      requestIdHeader: 'raw',
      streamUpstream: false,
      usagePerChoice: false,
      tokenCapField: 'max_tokens',
      probe: { enabled: false, path: undefined, intervalMs: 5000, timeoutMs: 2000, warmUpAfterIdleMs: undefined },
      simulated: { firstTokenMs: 50, tokenMs: 10, tokens: 32, errorRate: 0, seed: 1 },
    });
    expect(snapshot.models.get('m')!.contextTokens).toBeUndefined();
    expect(snapshot.resilience).toMatchObject({
      maxAttempts: 3,
      minAttemptMs: 250,
      breaker: { windowMs: 30_000, minSamples: 20, failureRate: 0.5, consecutiveFaults: 5, openMs: 3000 },
      queue: { maxLength: 256, maxWaitMs: 2000, maxKeyShare: 0.25, quantumTokens: 1000 },
      hedging: { enabled: false, minDelayMs: 500, budgetRatio: 0.05 },
      drain: { delayMs: 5000, timeoutMs: 120_000 },
    });
    expect(snapshot.quota.reservation).toEqual({ mode: 'whole', strict: false, defaultMaxTokens: 4096 });
    expect(snapshot.loadedAt).toBe(1_700_000_000_000);
  });

  it('caps the output of openai by max_completion_tokens, of others by max_tokens', () => {
    const { providers } = load(DESIGN, DESIGN_VARIABLES);
    expect([...providers.values()].map((provider) => provider.tokenCapField)).toEqual([
      'max_completion_tokens',
      'max_tokens',
      'max_tokens',
    ]);
  });

  it('starts the limiter of self-hosted engines low and drops a trailing slash of the address', () => {
    const provider = load(DESIGN, DESIGN_VARIABLES).providers.get('vllm-a')!;
    expect(provider.concurrency.initial).toBe(20);
    expect(provider.baseUrl).toBe('http://10.0.0.7:8000/v1');
  });

  it.each([
    ['no keys', MINIMAL, true],
    ['keys', `${MINIMAL}auth: { keys: [{ id: k, secret: ${SECRET} }] }`, false],
    ['keys and leave', `${MINIMAL}auth: { anonymous: { enabled: true }, keys: [{ id: k, secret: ${SECRET} }] }`, true],
    ['no keys and a refusal', `${MINIMAL}auth: { anonymous: { enabled: false } }`, false],
  ])('lets anonymous callers in by default only while there is no key: %s', (_what, text, on) => {
    expect(load(text).anonymous !== undefined).toBe(on);
  });

  it('lets the window and price of a target win over those of its model', () => {
    const { models } = load(`
version: 1
providers: [{ name: a, kind: simulated }]
models:
  - name: m
    contextTokens: 100
    price: { inputPerMillion: 1, outputPerMillion: 2 }
    targets:
      - { provider: a, model: x }
      - { provider: a, model: y, contextTokens: 50, price: { inputPerMillion: 0, outputPerMillion: 0 } }
`);
    const [first, second] = models.get('m')!.targets;
    expect([first!.contextTokens, first!.price!.inputPicoUsd]).toEqual([100, 1_000_000]);
    expect([second!.contextTokens, second!.price!.inputPicoUsd]).toEqual([50, 0]);
  });

  it('takes PROVIDER_WEIGHTS over the weights of providers, not of targets', () => {
    const { providers, models } = load(DESIGN, { ...DESIGN_VARIABLES, PROVIDER_WEIGHTS: '{"openai":5,"vllm-a":7}' });
    expect(providers.get('openai')!.weight).toBe(5);
    expect(models.get('gpt-4o-mini')!.targets.map((target) => target.weight)).toEqual([5, 30]);
  });

  it('reads a secret from a file beside it, without its last line break', () => {
    const text = `${MINIMAL}auth: { keys: [{ id: k, secret: "\${file:keys/k}" }] }`;
    const { keys } = load(text, {}, { '/etc/gateway/keys/k': `${SECRET}\r\n` });
    expect(keys[0]!.secret!.reveal()).toBe(SECRET);
  });

  it('takes two digests while a key is rotated', () => {
    const [one, two] = ['ab', 'CD'].map((byte) => byte.repeat(32));
    const text = `${MINIMAL}auth: { keys: [{ id: k, digests: ["hmac-sha256:${one}", "hmac-sha256:${two}"] }] }`;
    expect(load(text, { GATEWAY_KEY_PEPPER: 'pepper' }).keys[0]!.digests).toEqual([one, two!.toLowerCase()]);
  });

  it('takes the end of a key in any time zone; without one it lasts', () => {
    const key = (more: string): string => `${MINIMAL}auth: { keys: [{ id: k, secret: ${SECRET}${more} }] }`;
    const ends = (more: string): number | undefined => load(key(more)).keys[0]!.expiresAt;
    expect(ends('')).toBeUndefined();
    expect(ends(', expiresAt: 2027-01-31T00:00:00Z')).toBe(Date.UTC(2027, 0, 31));
    expect(ends(', expiresAt: "2027-01-31T02:00:00+02:00"')).toBe(Date.UTC(2027, 0, 31));
    expect(() => ends(', expiresAt: next year')).toThrow(/expiresAt/);
  });

  it('knows models and providers that are called like members of every object only if they are there', () => {
    const { models, providers } = load(MINIMAL);
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
      expect(models.get(name) ?? providers.get(name)).toBeUndefined();
    }
  });
});

describe('the version of a snapshot', () => {
  const version = (text: string, variables = DESIGN_VARIABLES): string => load(text, variables).version;

  it('is the same for the same meaning', () => {
    const reordered = DESIGN.replace('weight: 70\n    tier: 0', 'tier: 0\n    weight: 70.0').replace('0.60', '"0.6"');
    expect(version(reordered)).toBe(version(DESIGN));
    expect(version(DESIGN)).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    ['a weight', DESIGN.replace('weight: 70', 'weight: 71'), DESIGN_VARIABLES],
    ['a secret behind a variable', DESIGN, { ...DESIGN_VARIABLES, OPENAI_API_KEY: 'sk-other' }],
    ['a banned word', DESIGN.replace('forbidden', 'banned'), DESIGN_VARIABLES],
  ])('changes with %s', (_what, text, variables) => {
    expect(version(text, variables)).not.toBe(version(DESIGN));
  });
});

describe('a snapshot', () => {
  it('cannot be changed at any depth', () => {
    const snapshot = load(DESIGN, DESIGN_VARIABLES);
    const unfrozen: string[] = [];
    const visit = (value: unknown, path: string): void => {
      if (typeof value !== 'object' || value === null) return;
      if (!Object.isFrozen(value)) unfrozen.push(path);
      const members = value instanceof Map ? [...value] : Object.entries(value);
      for (const [key, member] of members) visit(member, `${path}.${String(key)}`);
    };
    visit(snapshot, 'snapshot');
    expect(unfrozen).toEqual([]);
    const models = snapshot.models as Map<string, unknown>;
    expect(() => models.set('x', {})).toThrow(TypeError);
    expect(() => models.delete('gpt-4o-mini')).toThrow(TypeError);
    expect(() => models.clear()).toThrow(TypeError);
  });

  it('shows no secret when it is printed', () => {
    const shown = JSON.stringify(load(DESIGN, DESIGN_VARIABLES));
    expect(shown).not.toContain(SECRET);
    expect(shown).not.toContain('sk-upstream');
  });
});

describe('a file that is usable but doubtful', () => {
  it('warns once of all literal secrets', () => {
    const text = `${MINIMAL}auth: { keys: [{ id: k, secret: ${SECRET} }, { id: l, secret: ${SECRET}-2 }] }`;
    expect(warningsOf(text)).toEqual([
      'file: 2 secrets stand in the file itself; better are ${env:NAME} or ${file:PATH}',
    ]);
  });

  it('warns of a model whose targets all weigh nothing', () => {
    expect(warningsOf(MINIMAL.replace('model: x', 'model: x, weight: 0'))).toEqual([
      'models[0].targets: all weights are 0, so every target counts as failover only',
    ]);
  });

  it('warns of a model without a price where spending is limited', () => {
    const budgets = 'budgets: [{ scope: key, window: 1d, usd: 1 }]';
    expect(warningsOf(`${MINIMAL}auth: { anonymous: { ${budgets} } }`)).toEqual([
      'models: no price is known for m: keys with a budget are refused there',
    ]);
  });

  it('warns of settings that the kind ignores', () => {
    const text = MINIMAL.replace('kind: simulated', 'kind: openai, baseUrl: "https://x.example", simulated: {}');
    expect(warningsOf(text)).toEqual(['providers[0].simulated: has no effect on kind openai']);
  });
});

describe('the shipped files', () => {
  it('the default needs no key and serves three models from two providers', () => {
    const { snapshot, warnings } = buildSnapshot(readFileSync('config/gateway.yaml', 'utf8'), configSources());
    expect(warnings).toEqual([]);
    expect(snapshot.anonymous?.models).toEqual(['*']);
    expect([...snapshot.providers.values()].map(({ name, weight }) => [name, weight])).toEqual([
      ['mock_openai', 70],
      ['mock_vllm', 30],
    ]);
    expect([...snapshot.models.keys()]).toEqual(['gpt-3.5-turbo', 'gpt-4o-mini', 'mock-model']);
    for (const model of snapshot.models.values()) {
      expect(model.targets.map((target) => target.provider.name)).toEqual(['mock_openai', 'mock_vllm']);
      expect([model.price, model.contextTokens]).not.toContain(undefined);
    }
  });

  it('the production example lets nobody in without a key and has no doubtful part', () => {
    const names = ['GATEWAY_KEY_OPERATIONS', 'GATEWAY_KEY_TEAM_A', 'GATEWAY_KEY_BATCH', 'OPENAI_API_KEY'];
    const variables = Object.fromEntries([...names, 'ANTHROPIC_API_KEY'].map((name) => [name, `${SECRET}-${name}`]));
    const text = readFileSync('config/gateway.production.example.yaml', 'utf8');
    const { snapshot, warnings } = buildSnapshot(text, configSources(variables));
    expect(snapshot.anonymous).toBeUndefined();
    expect(warnings).toEqual([]);
  });
});
