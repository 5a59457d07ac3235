import { type Contender } from './contenders.js';
import { type Phase, type PhaseResult, simulate } from './simulation.js';

/** The columns of the table: what is played, and which of its phases counts. */
export interface Scenario {
  readonly title: string;
  readonly phases: readonly Phase[];
  readonly counted: number;
}

/** The four scenarios; `seconds` is the length of a phase. */
export function scenarios(seconds: number): readonly Scenario[] {
  const normal: Phase = { name: 'normal', seconds, load: 0.6 };
  const slowed: Phase = { name: 'slowed', seconds, load: 0.6, slowness: 2.5 };
  return [
    { title: 'load 0.6x', phases: [normal], counted: 0 },
    { title: 'load 2.0x', phases: [{ name: 'overload', seconds, load: 2 }], counted: 0 },
    { title: 'slowed 2.5x at 0.6x', phases: [normal, slowed], counted: 1 },
    { title: 'then 0.6x again', phases: [normal, slowed, normal], counted: 2 },
    {
      title: 'answers 6x longer, no overload',
      phases: [normal, { ...normal, load: 0.15, outputFactor: 6 }],
      counted: 1,
    },
  ];
}

/** The mean over the seeds. */
export function play(contender: Contender, scenario: Scenario, seeds: readonly number[]): PhaseResult {
  const results = seeds.map((seed) => simulate(contender, scenario.phases, seed)[scenario.counted]!);
  const mean = (pick: (result: PhaseResult) => number) =>
    results.reduce((sum, result) => sum + pick(result), 0) / results.length;
  return {
    rejected: mean(({ rejected }) => rejected),
    goodputPerSecond: mean(({ goodputPerSecond }) => goodputPerSecond),
    p99TtftMs: mean(({ p99TtftMs }) => p99TtftMs),
  };
}
