import { describe, expect, it } from 'vitest';
import { configSources } from '../../test/support/config-sources.js';
import { ConfigError } from './config-error.js';
import { buildSnapshot } from './load-snapshot.js';

const PROVIDER = '{ name: a, kind: simulated }';
const MODELS = 'models: [{ name: m, targets: [{ provider: a, model: x }] }]';
const BASE = `version: 1\nproviders: [${PROVIDER}]\n${MODELS}\n`;
const withProviders = (providers: string): string => `version: 1\nproviders: [${providers}]\n${MODELS}\n`;
const withModels = (models: string): string => `version: 1\nproviders: [${PROVIDER}]\nmodels: [${models}]\n`;
const withKeys = (keys: string): string => `${BASE}auth: { keys: [${keys}] }\n`;
const withBaseUrl = (baseUrl: string): string => withProviders(`{ name: a, kind: openai, baseUrl: "${baseUrl}" }`);
const SECRET = 'sixteen-characters-of-secret';
const KEY = `id: k, secret: ${SECRET}`;
const DIGEST = `hmac-sha256:${'ab'.repeat(32)}`;

function problemsOf(text: string, variables: Record<string, string> = {}): readonly string[] {
  try {
    buildSnapshot(text, configSources(variables));
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

/** What the file is, the file, and every line that is said of it. */
const BAD_FILES: readonly (readonly [string, string, ...string[]])[] = [
  ['is empty', '', 'file: found an empty file, expected a gateway configuration'],
  ['is blank', ' \n\n', 'file: found an empty file, expected a gateway configuration'],
  ['holds only comments', '# nothing\n', 'file: found nothing (null), expected a mapping'],
  ['is a list', '- 1\n', 'file: found a list, expected a mapping'],
  [
    'is cut off in a list',
    'version: 1\nproviders: [{ name: a',
    'line 2, column 22: wrong indentation, or a bracket is not closed',
  ],
  ['is cut off before the models', `version: 1\nproviders: [${PROVIDER}]\n`, 'models: missing, expected a list'],
  ['says a key twice', `version: 1\nversion: 1\n`, 'line 2, column 1: the key is there twice in one mapping'],
  ['has an anchor', `${BASE}slo: &a { firstTokenMs: 1 }\n`, 'line 4, column 9: anchors and aliases are not allowed'],
  ['has a merge key', `${BASE}slo: { <<: { firstTokenMs: 1 } }\n`, 'line 4, column 8: merge keys are not allowed'],
  ['has a __proto__ key', `${BASE}__proto__: { a: 1 }\n`, 'line 4, column 1: the key __proto__ is not allowed'],
  ['has a tag', `${BASE}slo: !ruby/object { a: 1 }\n`, 'line 4, column 6: unknown tag; allowed are plain YAML values'],
  ['is two documents', `${BASE}---\n${BASE}`, 'line 4, column 1: more than one YAML document; allowed is one'],
  ['has another version', BASE.replace('version: 1', 'version: 2'), 'version: found 2, expected 1'],
  [
    'has a secret that ran into its key',
    `${BASE}auth: { keys: [{ id: k, secret:a-secret-of-sixteen }] }\n`,
    'auth.keys[0].secret…: unknown key, allowed are id, secret, digest, digests, expiresAt, role, org, team, user, priority, degradable, models, providers, limits, budgets, budgetOnRedisDown',
  ],
  ['misspells a section', `${BASE}guardrial: {}\n`, 'guardrial: unknown key, did you mean "guardrails"?'],
  [
    'has a key in snake case',
    withProviders('{ name: a, kind: simulated, timeouts: { first_token_ms: 5 } }'),
    'providers[0].timeouts.first_token_ms: unknown key, did you mean "firstTokenMs"?',
  ],
  ['has a key that is like none', `${BASE}routing: { zebra: 1 }\n`, 'routing.zebra: unknown key, allowed are strategy'],
  [
    'misspells a key inside a list of alternatives',
    `${BASE}guardrails: { words: [{ text: x, wrd: true }] }\n`,
    'guardrails.words[0].wrd: unknown key, did you mean "word"?',
  ],
  [
    'has a text for a duration',
    withProviders('{ name: a, kind: simulated, timeouts: { idleMs: 30s } }'),
    'providers[0].timeouts.idleMs: found "30s", expected a number',
  ],
  [
    'has a duration of 0',
    withProviders('{ name: a, kind: simulated, timeouts: { idleMs: 0 } }'),
    'providers[0].timeouts.idleMs: found 0, expected at least 1',
  ],
  [
    'asks for a drain of more than an hour',
    `${BASE}resilience: { drain: { timeoutMs: 3600001 } }\n`,
    'resilience.drain.timeoutMs: found 3600001, expected at most 3600000',
  ],
  [
    'has a fraction of a request',
    `${BASE}limits: { maxInFlight: 1.5 }\n`,
    'limits.maxInFlight: found 1.5, expected an integer',
  ],
  [
    'has a share above 1',
    `${BASE}resilience: { retryBudgetRatio: 2 }\n`,
    'resilience.retryBudgetRatio: found 2, expected at most 1',
  ],
  [
    'has a negative weight',
    withProviders('{ name: a, kind: simulated, weight: -1 }'),
    'providers[0].weight: found -1, expected at least 0',
  ],
  [
    'names an unknown strategy',
    `${BASE}routing: { strategy: random }\n`,
    'routing.strategy: found "random", expected one of weighted, leastLatency, leastCost',
  ],
  [
    'has no targets',
    withModels('{ name: m, targets: [] }'),
    'models[0].targets: found a list, expected at least 1 entries',
  ],
  [
    'has a provider name in capitals',
    withProviders(`${PROVIDER}, { name: OpenAI, kind: simulated }`),
    'providers[1].name: found "OpenAI", expected 1 to 64 characters of a-z, 0-9, "_" and "-"',
  ],
  ['has a provider twice', withProviders(`${PROVIDER}, ${PROVIDER}`), 'providers[1].name: "a" is there twice'],
  [
    'has a model twice',
    withModels('{ name: m, targets: [{ provider: a, model: x }] }, { name: m, targets: [{ provider: a, model: x }] }'),
    'models[1].name: "m" is there twice',
  ],
  [
    'has a target twice',
    withModels('{ name: m, targets: [{ provider: a, model: x }, { provider: a, model: x }] }'),
    'models[0].targets[1]: "a/x" is there twice',
  ],
  [
    'has a target without its provider',
    withModels('{ name: m, targets: [{ provider: openai, model: x }] }'),
    'models[0].targets[0].provider: no provider is named "openai", there are a',
  ],
  [
    'refuses a tokenizer where it could not count',
    BASE.replace('kind: simulated', 'kind: anthropic, baseUrl: "https://x.example", tokenizer: o200k_base'),
    'providers[0].tokenizer: found one for kind anthropic, which reports its usage and has tokens of its own',
  ],
  [
    'names an unknown kind',
    withProviders('{ name: a, kind: opnai }'),
    'providers[0].kind: unknown kind "opnai", did you mean "openai"?',
  ],
  [
    'has no address for an upstream',
    withProviders('{ name: a, kind: vllm }'),
    'providers[0].baseUrl: missing, expected the address of the upstream (kind vllm)',
  ],
  [
    'has an address that is none',
    withBaseUrl('api.example.com'),
    'providers[0].baseUrl: found no URL (not shown), expected e.g. https://api.example.com/v1',
  ],
  [
    'has an address without TLS',
    withBaseUrl('http://api.example.com/v1'),
    'providers[0].baseUrl: found http:, expected https: (http: only with allowPrivate: true)',
  ],
  [
    'has an address of another protocol',
    withBaseUrl('file:///etc/passwd'),
    'providers[0].baseUrl: found file:, expected https: (or http: with allowPrivate: true)',
  ],
  ...[
    'https://127.0.0.1/v1',
    'https://0x7f.1/v1',
    'https://169.254.169.254',
    'https://[::1]/v1',
    'https://localhost',
  ].map((url): [string, string, string] => [
    `has the private address ${url}`,
    withBaseUrl(url),
    'providers[0].baseUrl: found a loopback or private address, expected a public one (or allowPrivate: true)',
  ]),
  [
    'has credentials in an address',
    withBaseUrl('https://user:hunter22@api.example.com/v1'),
    'providers[0].baseUrl: found a user or password, expected them in apiKey',
  ],
  [
    'has a smaller largest limit than the smallest',
    withProviders('{ name: a, kind: simulated, concurrency: { min: 8, max: 4 } }'),
    'providers[0].concurrency.min: found 8, expected at most max (4)',
    'providers[0].concurrency.initial: found 8, expected at most max (4)',
  ],
  [
    'has a key id with braces',
    withKeys(`{ id: "{a}", secret: ${SECRET} }`),
    'auth.keys[0].id: found "{a}", expected 1 to 64 characters of a-z, 0-9 and "-"',
  ],
  [
    'has a key twice',
    withKeys(`{ ${KEY} }, { id: k, secret: another-${SECRET} }`),
    'auth.keys[1].id: "k" is there twice',
  ],
  [
    'has a secret twice',
    withKeys(`{ ${KEY} }, { id: l, secret: ${SECRET} }`),
    'auth.keys[1]: has the same secret or digest as auth.keys[0]',
  ],
  [
    'has a short secret',
    withKeys('{ id: k, secret: fifteen-of-them }'),
    'auth.keys[0].secret: found 15 characters, expected at least 16',
  ],
  [
    'has a number as a secret',
    withKeys('{ id: k, secret: 1234567890123456 }'),
    'auth.keys[0].secret: found a number (not shown), expected a string',
  ],
  ['has a key without a secret', withKeys('{ id: k }'), 'auth.keys[0]: missing, expected secret, digest or digests'],
  [
    'has a digest without a pepper',
    withKeys(`{ id: k, digest: "${DIGEST}" }`),
    'auth.keys[0]: a digest needs the environment variable GATEWAY_KEY_PEPPER',
  ],
  [
    'has a secret from a variable that is not set',
    withKeys('{ id: k, secret: "${env:TEAM_KEY}" }'),
    'auth.keys[0].secret: environment variable TEAM_KEY is not set',
  ],
  [
    'has a secret from a file that is not there',
    withKeys('{ id: k, secret: "${file:team.key}" }'),
    'auth.keys[0].secret: file team.key cannot be read',
  ],
  [
    'has a reference to nowhere',
    withKeys('{ id: k, secret: "${vault:team}" }'),
    'auth.keys[0].secret: found an unknown reference, expected ${env:NAME} or ${file:PATH}',
  ],
  [
    'has a rate beyond what is exact',
    withKeys(`{ ${KEY}, limits: { tokensPerMinute: 150000001, requestsPerMinute: 60000001 } }`),
    'auth.keys[0].limits.requestsPerMinute: found 60000001, expected at most 60000000',
    'auth.keys[0].limits.tokensPerMinute: found 150000001, expected at most 150000000',
  ],
  [
    'has a budget finer than a nano-USD',
    withKeys(`{ ${KEY}, budgets: [{ scope: key, window: 1d, usd: "0.0000000001" }] }`),
    'auth.keys[0].budgets[0].usd: found "0.0000000001", expected USD of at least 0 with at most 9 decimals, below 9007199',
  ],
  [
    'has a budget twice',
    withKeys(`{ ${KEY}, budgets: [{ scope: key, window: 1d, usd: 1 }, { scope: key, window: 1d, usd: 2 }] }`),
    'auth.keys[0].budgets[1]: a budget of key per 1d is there twice',
  ],
  [
    'has a budget of a team that the key has not',
    withKeys(`{ ${KEY}, budgets: [{ scope: team, window: 1d, usd: 1 }] }`),
    "auth.keys[0].budgets[0]: scope team needs the key's team",
  ],
  [
    'has price tiers out of order',
    withModels(
      '{ name: m, targets: [{ provider: a, model: x }], price: { inputPerMillion: 1, outputPerMillion: 2, tiers: [{ fromTokens: 9, inputPerMillion: 1, outputPerMillion: 2 }, { fromTokens: 9, inputPerMillion: 1, outputPerMillion: 2 }] } }',
    ),
    'models[0].price.tiers[1].fromTokens: found 9, expected more than the tier before (9)',
  ],
  [
    'has a list for a banned word',
    `${BASE}guardrails: { input: { bannedWords: [[x]] } }\n`,
    'guardrails.input.bannedWords[0]: found a list, expected a string or a mapping',
  ],
  [
    'probes a path that no request line can hold',
    `version: 1\nproviders: [{ name: a, kind: vllm, baseUrl: "https://a.example/v1", probe: { path: "/č" } }]\nmodels: [{ name: m, targets: [{ provider: a, model: x }] }]\n`,
    'providers[0].probe.path: found "/č", expected a path that begins with "/", in ASCII and without spaces',
  ],
  [
    'turns chaos on without leave of the environment',
    `${BASE}chaos: { enabled: true }\n`,
    'chaos.enabled: found true, which needs the environment variable GATEWAY_ALLOW_CHAOS=1',
  ],
];

describe('a gateway file', () => {
  it.each(BAD_FILES)('that %s is refused with the place and what is allowed', (_what, text, ...lines) => {
    expect(problemsOf(text)).toEqual(lines);
  });

  it('is told of all its problems at once', () => {
    const text = withProviders('{ name: a, kind: simulated, tier: -1, wieght: 2 }').replace('version: 1', 'version: x');
    expect(problemsOf(text)).toEqual([
      'version: found "x", expected 1',
      'providers[0].tier: found -1, expected at least 0',
      'providers[0].wieght: unknown key, did you mean "weight"?',
    ]);
  });

  it.each([
    ['brackets', `version: ${'['.repeat(50_000)}`],
    ['braces', `version: ${'{ a: '.repeat(201)}`],
    ['dashes', `version:\n  ${'- '.repeat(201)}a`],
    ['indentation', Array.from({ length: 201 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
  ])('that nests too deeply by %s is refused, not fatal', (_how, text) => {
    expect(problemsOf(text)).toEqual(['file: nested too deeply']);
  });

  it('is refused with PROVIDER_WEIGHTS for a provider that it has not', () => {
    expect(problemsOf(BASE, { PROVIDER_WEIGHTS: '{"b":1}' })).toEqual([
      'PROVIDER_WEIGHTS: no provider is named "b", did you mean "a"?',
    ]);
  });

  it('is refused with a secret that a header cannot carry, and does not show it', () => {
    const lines = problemsOf(withKeys('{ id: k, secret: "${env:TEAM_KEY}" }'), { TEAM_KEY: `${SECRET}\r\nx: y` });
    expect(lines).toEqual([
      'auth.keys[0].secret: found control characters or line breaks (value not shown), expected one plain line',
    ]);
  });

  it.each([
    `${BASE}auth: { keys: ["${SECRET}"] }`,
    withKeys(`{ id: k, secret: [${SECRET}] }`),
    withKeys(`{ id: k, secret: { env: ${SECRET} } }`),
    withKeys(`{ id: k, digest: ${SECRET} }`),
    withKeys(`{ id: k, secret: ${SECRET}`),
    withKeys(`{ id: k, secret: "${SECRET} }`),
    withKeys(`{ id: k, secret: !!binary ${SECRET} }`),
    withKeys(`{ id: k, secret: *${SECRET} }`),
    withKeys(`{ id: k, limits: ${SECRET}, secret: ${SECRET} }`),
    withProviders(`{ name: a, kind: openai, baseUrl: "https://${SECRET}:x@api.example.com" }`),
    withProviders(`{ name: a, kind: openai, apiKey: { value: ${SECRET} }, baseUrl: "https://api.example.com" }`),
  ])('never has a secret repeated (%#)', (text) => {
    const problems = problemsOf(text);
    expect(problems).not.toEqual([]);
    expect(problems.join('\n')).not.toContain(SECRET);
  });
});
