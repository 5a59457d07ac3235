import { type Clock } from '../../src/kernel/clock.js';
import { AimdLimit } from '../../src/resilience/aimd-limit.js';
import { FixedLimit } from '../../src/resilience/fixed-limit.js';
import { Gradient2Limit } from '../../src/resilience/gradient2-limit.js';
import { type LimitAlgorithm } from '../../src/resilience/limiter.js';

/** A limiter in the comparison: the gateway's own algorithms, fed with one signal or another. */
export interface Contender {
  readonly name: string;
  /** Which latency the algorithm is told as its sample. */
  readonly signal: 'ttft' | 'total';
  create(clock: Clock): LimitAlgorithm;
}

const BOUNDS = { initial: 20, min: 4, max: 512 };
const fixed = (limit: number) => ({ initial: limit, min: limit, max: limit });

/** Netflix's AIMD default: a total latency above 5 s counts as a drop. Here as a warning, never in the gateway. */
class TotalLatencyAimd implements LimitAlgorithm {
  #limit = BOUNDS.initial;

  get limit(): number {
    return Math.floor(this.#limit);
  }

  started(): void {
    // Learns from ends alone.
  }

  firstToken(totalMs: number, _promptTokens: number, inFlight: number): void {
    if (totalMs > 5_000) this.#limit *= 0.9;
    else if (inFlight * 2 >= this.#limit) this.#limit++;
    this.#limit = Math.min(200, Math.max(BOUNDS.min, this.#limit));
  }

  overloaded(): void {
    // The simulated engine never refuses.
  }

  coolDownEnded(): void {
    // There is none in the simulation.
  }

  configure(): void {
    // Its bounds are the published ones.
  }
}

export const UNLIMITED: Contender = {
  name: 'unlimited',
  signal: 'ttft',
  create: (clock) => new FixedLimit(clock, fixed(1_000_000)),
};
export const FIXED_200: Contender = {
  name: 'fixed 200',
  signal: 'ttft',
  create: (clock) => new FixedLimit(clock, fixed(200)),
};
export const FIXED_32: Contender = {
  name: 'fixed 32 (oracle)',
  signal: 'ttft',
  create: (clock) => new FixedLimit(clock, fixed(32)),
};
export const AIMD_ON_TOTAL: Contender = {
  name: 'AIMD, total > 5 s = drop',
  signal: 'total',
  create: () => new TotalLatencyAimd(),
};
export const GRADIENT2_ON_TOTAL: Contender = {
  name: 'Gradient2 on total',
  signal: 'total',
  create: (clock) => new Gradient2Limit(clock, BOUNDS),
};
export const GRADIENT2_ON_TTFT: Contender = {
  name: 'Gradient2 on TTFT',
  signal: 'ttft',
  create: (clock) => new Gradient2Limit(clock, BOUNDS),
};
export const AIMD_ON_OVERLOAD: Contender = {
  name: 'AIMD on 429 only',
  signal: 'ttft',
  create: (clock) => new AimdLimit(clock, { initial: 256, min: 4, max: 256 }),
};
