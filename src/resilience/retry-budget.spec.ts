import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { RetryBudget } from './retry-budget.js';

const spendAll = (budget: RetryBudget): number => {
  let spent = 0;
  while (budget.trySpend()) spent++;
  return spent;
};

describe('RetryBudget', () => {
  it('starts with ten retries', () => {
    expect(spendAll(new RetryBudget(new ManualClock(), 0.1))).toBe(10);
  });

  it('earns one retry per ten requests', () => {
    const budget = new RetryBudget(new ManualClock(), 0.125);
    spendAll(budget);
    for (let n = 0; n < 80; n++) budget.earn();
    expect(spendAll(budget)).toBe(10);
  });

  it('refills one per second for targets with little traffic', () => {
    const clock = new ManualClock();
    const budget = new RetryBudget(clock, 0.1);
    spendAll(budget);
    clock.advanceSync(999);
    expect(budget.trySpend()).toBe(false);
    clock.advanceSync(1);
    expect(budget.trySpend()).toBe(true);
  });

  it('never holds more than fifty', () => {
    const clock = new ManualClock();
    const budget = new RetryBudget(clock, 0.1);
    for (let n = 0; n < 10_000; n++) budget.earn();
    clock.advanceSync(3_600_000);
    expect(spendAll(budget)).toBe(50);
    budget.refund();
    expect(spendAll(budget)).toBe(1);
  });

  it('bounds retries to a tenth of the load, the start and the floor', () => {
    const clock = new ManualClock();
    const budget = new RetryBudget(clock, 0.1);
    let retries = 0;
    for (let n = 0; n < 10_000; n++) {
      budget.earn();
      if (budget.trySpend()) retries++;
      clock.advanceSync(10);
    }
    expect(retries).toBeLessThanOrEqual(10 + 1_000 + 100);
    expect(retries).toBeGreaterThan(1_000);
  });

  it('takes a new ratio over and keeps its tokens', () => {
    const budget = new RetryBudget(new ManualClock(), 0);
    budget.earn();
    budget.setRatio(1);
    budget.earn();
    expect(budget.tokens).toBe(11);
  });
});
