import { describe, expect, it } from 'vitest';
import { figuresOf, OBJECTIVE_MS, spread } from './figures.js';
import { type Call } from './load.js';

const GOOD: Call = { status: 200, ttftMs: 100, whole: true, totalMs: 900 };

describe('figures of a load', () => {
  it('count as good what is whole and began within the objective', () => {
    const late = { ...GOOD, ttftMs: OBJECTIVE_MS + 1 };
    const cut = { ...GOOD, whole: false };
    expect(figuresOf([GOOD, GOOD, late, cut], 2).goodputPerSecond).toBe(1);
  });

  it('count refusals, and leave them out of the times', () => {
    const refused = { status: 503, ttftMs: undefined, whole: false, totalMs: 1 };
    expect(figuresOf([GOOD, refused, refused, GOOD], 1)).toMatchObject({
      rejected: 0.5,
      p50TtftMs: 100,
      p99TtftMs: 100,
    });
  });

  it('take whoever still waits for a first token by the time that it has waited, answered by headers or not', () => {
    const waiting = { ...GOOD, ttftMs: undefined, whole: false, totalMs: 30_000 };
    expect(figuresOf([GOOD, waiting, { ...waiting, status: 0 }], 1)).toMatchObject({ rejected: 0, p99TtftMs: 30_000 });
  });
});

it('tells a median with the smallest and largest', () => {
  expect(spread([3, 10, 2], 1)).toBe('3.0 (2.0 to 10.0)');
});
