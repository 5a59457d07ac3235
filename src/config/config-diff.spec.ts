import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { configSources } from '../../test/support/config-sources.js';
import { configDiff } from './config-diff.js';
import { buildSnapshot } from './load-snapshot.js';
import { redacted } from './redacted.js';
import { type Snapshot } from '../kernel/snapshot.js';

const SECRETS = ['sk-first-secret-1', 'sk-other-secret-2', 'forbidden phrase', 'token-in-path'];

const base = {
  version: 1,
  auth: {
    keys: [
      {
        id: 'a',
        secret: SECRETS[0],
        limits: { requestsPerMinute: 600 },
        budgets: [{ scope: 'key', window: '1d', usd: 25 }],
      },
    ],
  },
  providers: [
    { name: 'openai', kind: 'openai', baseUrl: 'https://one.example/v1', apiKey: SECRETS[0], weight: 70 },
    { name: 'mock', kind: 'simulated' },
  ],
  models: [
    { name: 'm', targets: [{ provider: 'openai', model: 'x' }], price: { inputPerMillion: 0.15, outputPerMillion: 1 } },
  ],
};

type File = typeof base;

function snapshot(change: (file: File) => object = (file) => file): Snapshot {
  return buildSnapshot(stringify(change(structuredClone(base))), configSources()).snapshot;
}

const diff = (change: (file: File) => object): string[] => configDiff(snapshot(), snapshot(change));

describe('the difference between two configurations, in words', () => {
  it('is nothing for the same file', () => {
    expect(diff((file) => file)).toEqual([]);
  });

  it('names weights, limits, budgets and prices with the old and the new value', () => {
    const lines = diff(({ auth, providers, models, ...rest }) => ({
      ...rest,
      auth: { keys: [{ ...auth.keys[0], limits: {}, budgets: [{ scope: 'key', window: '1d', usd: '30.5' }] }] },
      providers: [{ ...providers[0], weight: 30 }, providers[1]],
      models: [{ ...models[0], price: { inputPerMillion: '0.2', outputPerMillion: 1 } }],
    }));
    expect(lines).toContain('provider "openai": weight 70 -> 30');
    expect(lines).toContain('key "a": limits.requestsPerMinute 600 -> none');
    expect(lines).toContain('key "a": budget "key per 1d": limitUsd 25 -> 30.5');
    expect(lines).toContain('model "m": price.inputPerMillion 0.15 -> 0.2');
  });

  it('names what was added and what was removed', () => {
    const lines = diff(({ auth: _auth, providers, models, ...rest }) => ({
      ...rest,
      auth: { keys: [{ id: 'b', secret: SECRETS[1] }] },
      providers: [providers[0], { name: 'second', kind: 'simulated' }],
      models: [
        { ...models[0], targets: [{ provider: 'second', model: 'y' }] },
        { name: 'n', targets: [{ provider: 'second', model: 'y' }] },
      ],
    }));
    expect(lines).toEqual(
      expect.arrayContaining([
        'provider "mock" removed',
        'provider "second" added',
        'key "a" removed',
        'key "b" added',
        'model "m": target "openai/x" removed',
        'model "m": target "second/y" added',
        'model "n" added',
      ]),
    );
  });

  it('names settings by their path, and the switch of anonymous access', () => {
    const lines = diff(({ auth, ...file }) => ({
      ...file,
      auth: { ...auth, anonymous: { enabled: true } },
      resilience: { maxAttempts: 5 },
    }));
    expect(lines).toContain('anonymous access turned on');
    expect(lines).toContain('resilience.maxAttempts 3 -> 5');
  });

  it('says when a key ends now', () => {
    const lines = diff(({ auth, ...file }) => ({
      ...file,
      auth: { ...auth, keys: [{ ...auth.keys[0], expiresAt: '2027-01-31T01:00:00+01:00' }, ...auth.keys.slice(1)] },
    }));
    expect(lines).toEqual([expect.stringMatching(/^key "a": expiresAt .*2027-01-31T00:00:00.000Z/)]);
  });

  it('says that the order changed where nothing else did', () => {
    expect(diff((file) => ({ ...file, providers: [...file.providers].reverse() }))).toEqual([
      'the order of entries changed',
    ]);
  });

  it('says that secrets, addresses and texts changed without showing them', () => {
    const change = ({ auth, providers, ...rest }: File): object => ({
      ...rest,
      auth: { keys: [{ ...auth.keys[0], secret: SECRETS[1] }] },
      providers: [{ ...providers[0], apiKey: SECRETS[1], baseUrl: 'https://one.example/token-in-path' }, providers[1]],
      guardrails: { words: [{ text: SECRETS[2], id: 'r' }], allow: [SECRETS[2]] },
    });
    const lines = diff(change);
    expect(lines).toContain('key "a": secret changed (not shown)');
    expect(lines).toContain('provider "openai": apiKey changed (not shown)');
    expect(lines).toContain('provider "openai": baseUrl of https://one.example changed (not shown)');
    expect(lines.some((line) => line.includes('rule "r" added'))).toBe(true);
    for (const text of [lines.join('\n'), JSON.stringify(redacted(snapshot(change)))]) {
      for (const secret of SECRETS) expect(text).not.toContain(secret);
    }
  });
});
