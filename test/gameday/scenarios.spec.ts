import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/config/config-error.js';
import { parseScenario } from '../../src/gameday/scenario.js';
import { readScenario, SHIPPED_SCENARIOS, shippedScenarios } from '../../src/gameday/scenario-file.js';

const GOOD = `
title: t
summary: s
durationMs: 2000
upstreams: [{ name: alpha }]
load: [{ perSecond: 10 }]
script: [{ atMs: 500, do: kill, upstream: alpha }]
objectives: [{ check: errors, max: 0 }]
`;

function problemsOf(text: string): readonly string[] {
  try {
    parseScenario(text);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

describe('a scenario', () => {
  it('is filled up with defaults', () => {
    expect(parseScenario(GOOD)).toMatchObject({
      redis: false,
      upstreams: [{ name: 'alpha', tier: 0, settings: {} }],
      load: [{ fromMs: 0, streams: 0.5 }],
    });
  });

  it.each([
    [
      'two minutes are too long',
      ['durationMs: 2000', 'durationMs: 120001'],
      'durationMs: found 120001, expected at most 120000',
    ],
    ['an unknown step', ['do: kill', 'do: explode'], 'script[0].do: found "explode", expected one of kill, start, '],
    [
      'an unknown check',
      ['check: errors', 'check: vibes'],
      'objectives[0].check: found "vibes", expected one of errors, ',
    ],
    ['an unknown member', ['title: t', 'titel: t'], 'titel: unknown key, did you mean "title"?'],
    ['a step at nobody', ['kill, upstream: alpha', 'kill, upstream: beta'], 'script[0].upstream: found "beta"'],
    ['a step after the end', ['atMs: 500', 'atMs: 2500'], 'script[0].atMs: found 2500, after the end'],
    [
      'a Redis that is not there',
      ['do: kill, upstream: alpha', 'do: redis, to: kill'],
      'script[0]: the scenario has no Redis',
    ],
    ['no objective', ['[{ check: errors, max: 0 }]', '[]'], 'objectives: '],
  ])('is refused in words: %s', (_what, [from, to], problem) => {
    expect(problemsOf(GOOD.replace(from ?? '', to ?? ''))).toContainEqual(expect.stringContaining(problem));
  });
});

describe('the shipped scenarios', () => {
  it('are at least six, and play for a minute at most', () => {
    expect(shippedScenarios().length).toBeGreaterThanOrEqual(6);
    for (const name of shippedScenarios()) {
      const scenario = parseScenario(readFileSync(join(SHIPPED_SCENARIOS, `${name}.yaml`), 'utf8'));
      expect(scenario.durationMs).toBeLessThanOrEqual(120_000);
    }
  });

  it.each(['scenarios/quick.yaml', 'quick', 'quick.yaml', join(SHIPPED_SCENARIOS, 'quick.yaml')])(
    'are found as %s',
    (wanted) => {
      expect(readScenario(wanted).name).toBe('quick');
    },
  );

  it('are named where one is not found', () => {
    expect(() => readScenario('scenarios/nothing.yaml')).toThrow('neither a file nor one of');
  });
});
