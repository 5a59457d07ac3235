import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdTable } from './id-table.js';

describe('a table of ids', () => {
  it('holds what a Map would hold, whatever is added, replaced and removed', () => {
    // Few ids, and many that share their end: they meet in the same places.
    const id = fc.integer({ min: 0, max: 80 }).map((number) => (number % 2 ? `id-${number}` : `${number}-same-ending`));
    const step = fc.record({ id, value: fc.option(fc.integer(), { nil: undefined }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const table = new IdTable<number>();
        const model = new Map<string, number>();
        for (const { id: given, value } of steps) {
          if (value === undefined) {
            table.delete(given);
            model.delete(given);
          } else {
            table.set(given, value);
            model.set(given, value);
          }
          expect(table.get(given)).toBe(model.get(given));
        }
        for (const [known, value] of model) expect(table.get(known)).toBe(value);
        expect(table.values().sort()).toEqual([...model.values()].sort());
      }),
    );
  });

  it('grows with what it holds', () => {
    const table = new IdTable<number>();
    for (let number = 0; number < 5_000; number++) table.set(`id-${number}`, number);
    for (let number = 0; number < 5_000; number += 2) table.delete(`id-${number}`);
    expect(table.values()).toHaveLength(2_500);
    for (let number = 0; number < 5_000; number++) {
      expect(table.get(`id-${number}`)).toBe(number % 2 ? number : undefined);
    }
  });
});
