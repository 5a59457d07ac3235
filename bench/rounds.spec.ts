import { describe, expect, it } from 'vitest';
import { type Leg, rotated, runRounds } from './rounds.mjs';

const BARE: Leg = { name: 'bare' };
const FOREIGN: Leg = { name: 'go', isForeign: true };

/** Each call takes the next outcome of its leg; the last one repeats. An Error is thrown. */
function scripted(outcomes: Readonly<Record<string, readonly (number | Error)[]>>) {
  const calls: string[] = [];
  const taken: Record<string, number> = {};
  const measure = ({ name }: Leg, workload: string): Promise<number> => {
    calls.push(`${workload} ${name}`);
    const script = outcomes[name]!;
    const at = Math.min(taken[name] ?? 0, script.length - 1);
    taken[name] = at + 1;
    const outcome = script[at]!;
    return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome);
  };
  return { calls, measure };
}

const shed = () => Object.assign(new Error('too busy'), { onlyShed: true });

function run(legs: readonly Leg[], measure: (leg: Leg, workload: string) => Promise<number>, rounds: number) {
  const waits: number[] = [];
  const pause = (ms: number): Promise<void> => {
    waits.push(ms);
    return Promise.resolve();
  };
  const result = runRounds({ rounds, workloads: ['json'], legs, measure, progress: () => undefined, pause });
  return { result, waits };
}

describe('rotated', () => {
  it('lets each leg be the first once', () => {
    expect([0, 1, 2].map((round) => rotated(['a', 'b', 'c'], round)[0])).toEqual(['a', 'b', 'c']);
  });
});

describe('runRounds', () => {
  it('measures each leg once per round', async () => {
    const { calls, measure } = scripted({ bare: [1, 2], go: [3, 4] });
    const { figures, failures, repeats } = await run([BARE, FOREIGN], measure, 2).result;
    expect(figures).toEqual({ json: { bare: [1, 2], go: [3, 4] } });
    expect(failures).toEqual({ json: {} });
    expect(repeats).toEqual([]);
    expect(calls).toEqual(['json bare', 'json go', 'json go', 'json bare']);
  });

  it('gives a foreign leg that failed one more try, and says so', async () => {
    const { measure } = scripted({ bare: [1], go: [new Error('go: 1 of 200 wrong\n  why'), 3] });
    const { figures, repeats } = await run([BARE, FOREIGN], measure, 1).result;
    expect(figures.json!.go).toEqual([3]);
    expect(repeats).toEqual(['round 1, json: go: 1 of 200 wrong']);
  });

  it('leaves a foreign leg that failed twice out of the workload, whatever it had reached before', async () => {
    const { calls, measure } = scripted({ bare: [1], go: [3, new Error('gone')] });
    const { figures, failures } = await run([BARE, FOREIGN], measure, 3).result;
    expect(figures).toEqual({ json: { bare: [1, 1, 1] } });
    expect(failures).toEqual({ json: { go: 'gone' } });
    expect(calls.filter((call) => call === 'json go')).toHaveLength(3);
  });

  it('ends with the first wrong answer of a leg of its own', async () => {
    const { calls, measure } = scripted({ bare: [new Error('wrong'), 1] });
    await expect(run([BARE], measure, 1).result).rejects.toThrow('wrong');
    expect(calls).toHaveLength(1);
  });

  it('waits and measures again what a busy gateway shed, three times at most', async () => {
    const patient = scripted({ bare: [shed(), shed(), shed(), 1] });
    const good = run([BARE], patient.measure, 1);
    expect((await good.result).figures).toEqual({ json: { bare: [1] } });
    expect(good.waits).toEqual([2_000, 2_000, 2_000]);
    await expect(run([BARE], scripted({ bare: [shed()] }).measure, 1).result).rejects.toThrow('too busy');
  });
});
