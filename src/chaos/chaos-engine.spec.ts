import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { ChaosEngine, type ChaosSubject } from './chaos-engine.js';
import { signChaosToken, verifyChaosToken } from './chaos-token.js';
import { type Experiment, parseExperiment } from '../config/chaos-experiment.js';

const SUBJECT: ChaosSubject = { provider: 'sim-a', model: 'gpt', keyId: 'team-a', tokenExperiment: undefined };

const parse = (changes: object) =>
  parseExperiment({ id: 'e1', fault: { type: 'error', status: 500 }, ttlMs: 60_000, ...changes });

function experiment(changes: object = {}): Experiment {
  const parsed = parse(changes);
  if ('problems' in parsed) throw new Error(parsed.problems.join('\n'));
  return parsed;
}

function setUp(...changes: object[]) {
  const clock = new ManualClock();
  const chaos = new ChaosEngine(clock);
  for (const change of changes) chaos.start(experiment(change));
  return { clock, chaos };
}

describe('parseExperiment', () => {
  it.each([
    ['no time to live', { ttlMs: undefined }, 'ttlMs: '],
    ['more than 15 minutes', { ttlMs: 900_001 }, 'ttlMs: found 900001'],
    ['more than everybody', { percentage: 101 }, 'percentage: found 101'],
    ['an unknown fault', { fault: { type: 'meteor' } }, 'fault.type: found "meteor"'],
    ['an unknown member', { extra: true }, 'extra: unknown key'],
    ['an id that is no slug', { id: 'A b' }, 'id: found "A b"'],
    ['a process fault with a scope', { fault: { type: 'memory', bytes: 1 }, scope: { keyId: 'a' } }, 'scope: '],
    ['a store fault with a scope', { fault: { type: 'redis_error' }, scope: { keyId: 'a' } }, 'scope: '],
  ])('rejects %s and names the member', (_name, changes, problem) => {
    expect(parse(changes)).toEqual({ problems: [expect.stringContaining(problem)] });
  });

  it('fills in the defaults', () => {
    expect(experiment()).toMatchObject({ percentage: 100, seed: 1, scope: { token: false } });
  });
});

describe('ChaosEngine', () => {
  it('leaves everything alone while no experiment runs', () => {
    expect(setUp().chaos.planAttempt(SUBJECT)).toBeUndefined();
  });

  it('hits the percentage, and the same victims for the same seed', () => {
    const victims = (seed: number) => {
      const { chaos } = setUp({ percentage: 10, seed });
      return Array.from({ length: 10_000 }, () => chaos.planAttempt(SUBJECT) !== undefined);
    };
    const first = victims(1);
    const share = first.filter(Boolean).length / 10_000;
    expect(share).toBeGreaterThan(0.09);
    expect(share).toBeLessThan(0.11);
    expect(victims(1)).toEqual(first);
    expect(victims(2)).not.toEqual(first);
  });

  it.each([
    [{ provider: 'sim-a' }, { provider: 'sim-b' }],
    [{ model: 'gpt' }, { model: 'other' }],
    [{ keyId: 'team-a' }, { keyId: 'team-b' }],
  ])('hits only what the scope %j names', (scope, other) => {
    const { chaos } = setUp({ scope });
    expect(chaos.planAttempt(SUBJECT)).toBeDefined();
    expect(chaos.planAttempt({ ...SUBJECT, ...other })).toBeUndefined();
  });

  it('hits only requests with the experiment’s token and key where both are asked for', () => {
    const { chaos } = setUp({ scope: { token: true, keyId: 'team-a' } });
    expect(chaos.planAttempt(SUBJECT)).toBeUndefined();
    expect(chaos.planAttempt({ ...SUBJECT, tokenExperiment: 'e2' })).toBeUndefined();
    expect(chaos.planAttempt({ ...SUBJECT, tokenExperiment: 'e1', keyId: 'team-b' })).toBeUndefined();
    expect(chaos.planAttempt({ ...SUBJECT, tokenExperiment: 'e1' })).toBeDefined();
  });

  it('ends by itself when its time is over', () => {
    const { chaos, clock } = setUp({ ttlMs: 2_000 });
    clock.advanceSync(1_999);
    expect(chaos.active()).toMatchObject([{ remainingMs: 1, hits: 0 }]);
    clock.advanceSync(1);
    expect(chaos.planAttempt(SUBJECT)).toBeUndefined();
    expect(chaos.active()).toEqual([]);
  });

  it('ends one by its id and all by the kill switch', () => {
    const { chaos } = setUp({ id: 'a' }, { id: 'b' }, { id: 'c' });
    expect(chaos.stop('a')).toBe(true);
    expect(chaos.stop('a')).toBe(false);
    expect(chaos.stopAll()).toEqual(['b', 'c']);
    expect(chaos.planAttempt(SUBJECT)).toBeUndefined();
  });

  it('adds latencies up and takes the first other fault', () => {
    const { chaos } = setUp(
      { id: 'slow', fault: { type: 'latency', ms: 100 } },
      { id: 'slower', fault: { type: 'latency', ms: 200 } },
      { id: 'refuse', fault: { type: 'connect_refused' } },
      { id: 'stall', fault: { type: 'stall', afterEvents: 1 } },
    );
    expect(chaos.planAttempt(SUBJECT)).toEqual({
      experiments: ['slow:latency', 'slower:latency', 'refuse:connect_refused', 'stall:stall'],
      latencyMs: 300,
      fault: { type: 'connect_refused' },
    });
  });

  it('spreads a latency around its mean and never below zero', () => {
    const { chaos } = setUp({ fault: { type: 'latency', ms: 100, deviationMs: 50 } });
    const latencies = Array.from({ length: 2_000 }, () => chaos.planAttempt(SUBJECT)!.latencyMs);
    expect(latencies.reduce((sum, ms) => sum + ms, 0) / 2_000).toBeCloseTo(100, -1);
    expect(Math.min(...latencies)).toBeGreaterThanOrEqual(0);
    expect(new Set(latencies).size).toBeGreaterThan(1_000);
  });

  it('keeps faults of the store and of the process away from attempts', () => {
    const { chaos } = setUp(
      { id: 'redis', fault: { type: 'redis_error' } },
      { id: 'block', fault: { type: 'event_loop_block', ms: 300, everyMs: 1_000 } },
    );
    expect(chaos.planAttempt(SUBJECT)).toBeUndefined();
    expect(chaos.drawStoreFault()).toEqual({ type: 'redis_error' });
    expect(chaos.processFaults()).toEqual([{ type: 'event_loop_block', ms: 300, everyMs: 1_000 }]);
  });
});

describe('chaos token', () => {
  const token = signChaosToken('secret', 'e1', 10_000);

  it('admits to its experiment until it expires', () => {
    expect(verifyChaosToken('secret', token, 9_999)).toBe('e1');
    expect(verifyChaosToken('secret', token, 10_000)).toBeUndefined();
  });

  it.each([
    token.replace('e1.', 'e2.'),
    token.replace('.10000.', '.99999.'),
    `${token}0`,
    'e1',
    '',
    token.slice(0, -1),
  ])('ignores %s', (forged) => {
    expect(verifyChaosToken('secret', forged, 0)).toBeUndefined();
    expect(verifyChaosToken('other', token, 0)).toBeUndefined();
  });
});
