import { describe, expect, it } from 'vitest';
import {
  AIMD_ON_OVERLOAD,
  AIMD_ON_TOTAL,
  type Contender,
  FIXED_200,
  FIXED_32,
  GRADIENT2_ON_TOTAL,
  GRADIENT2_ON_TTFT,
  UNLIMITED,
} from './contenders.js';
import { simulateHosted } from './hosted-simulation.js';
import { play, scenarios } from './scenarios.js';
import { CAPACITY } from './simulation.js';

const SEEDS = [1, 2];
const [normal, overload, slowed, recovered, longer] = scenarios(180);
const goodput = (contender: Contender, scenario = overload) => play(contender, scenario!, SEEDS).goodputPerSecond;
const rejected = (contender: Contender, scenario = normal) => play(contender, scenario!, SEEDS).rejected;

describe('Limiters before an engine that we own', () => {
  it('has an engine whose capacity is what the loads are multiples of', () => {
    expect(goodput(FIXED_32) / CAPACITY).toBeCloseTo(1, 1);
  });

  it('refuses less than 2 % with Gradient2 on TTFT below capacity, where AIMD on total latency refuses more', () => {
    expect(rejected(GRADIENT2_ON_TTFT)).toBeLessThan(0.02);
    expect(rejected(AIMD_ON_TOTAL)).toBeGreaterThan(0.02);
  });

  it('keeps 90 % of the capacity at twice the load, where no limit and a loose one collapse', () => {
    expect(goodput(GRADIENT2_ON_TTFT)).toBeGreaterThan(0.9 * CAPACITY);
    expect(goodput(GRADIENT2_ON_TTFT)).toBeGreaterThan(3 * goodput(UNLIMITED));
    expect(goodput(GRADIENT2_ON_TTFT)).toBeGreaterThan(3 * goodput(FIXED_200));
  });

  it('has TTFT ahead of total latency as the signal, and both ahead of AIMD on total latency', () => {
    expect(goodput(GRADIENT2_ON_TTFT)).toBeGreaterThan(goodput(GRADIENT2_ON_TOTAL));
    expect(goodput(GRADIENT2_ON_TOTAL)).toBeGreaterThan(goodput(AIMD_ON_TOTAL));
    expect(goodput(FIXED_32)).toBeGreaterThan(goodput(AIMD_ON_TOTAL));
  });

  it('follows an engine that slows down, and lets it recover', () => {
    expect(play(GRADIENT2_ON_TTFT, slowed!, SEEDS).p99TtftMs).toBeLessThan(2_000);
    expect(goodput(GRADIENT2_ON_TTFT, slowed)).toBeGreaterThan(goodput(UNLIMITED, slowed));
    expect(rejected(GRADIENT2_ON_TTFT, recovered)).toBeLessThan(rejected(AIMD_ON_TOTAL, recovered));
    expect(rejected(GRADIENT2_ON_TTFT, recovered)).toBeLessThan(0.02);
  });

  it('takes longer answers for no overload, where AIMD on total latency refuses over a quarter', () => {
    expect(rejected(GRADIENT2_ON_TTFT, longer)).toBeLessThan(0.01);
    expect(rejected(AIMD_ON_TOTAL, longer)).toBeGreaterThan(0.25);
  });
});

describe('Limiters before a hosted upstream', () => {
  it('keeps the goodput with AIMD on 429 alone and nearly no 429, where a latency signal refuses needlessly', () => {
    const [unlimited, aimd, gradient] = [UNLIMITED, AIMD_ON_OVERLOAD, GRADIENT2_ON_TTFT].map((contender) =>
      simulateHosted(contender, 300, 1),
    );
    expect(unlimited!.throttled).toBeGreaterThan(0.5);
    expect(aimd!.throttled).toBeLessThan(0.03);
    expect(aimd!.goodputPerSecond).toBeGreaterThan(0.93 * unlimited!.goodputPerSecond);
    expect(gradient!.goodputPerSecond).toBeLessThan(0.9 * aimd!.goodputPerSecond);
  });
});
