import { describe, expect, it } from 'vitest';
import { TurnBatch } from './turn-batch.js';

/** A loop whose turns end when the test says so. */
class HeldTurns {
  turns = 0;
  #end: () => void = () => undefined;

  turn(): Promise<void> {
    this.turns++;
    return new Promise((resolve) => (this.#end = resolve));
  }

  async end(): Promise<void> {
    this.#end();
    await Promise.resolve();
  }
}

describe('TurnBatch', () => {
  it('does all work of a turn at its end, in their order', async () => {
    const loop = new HeldTurns();
    const batch = new TurnBatch(loop);
    const written: number[] = [];
    for (const number of [1, 2, 3]) batch.add(() => written.push(number));
    expect(written).toEqual([]);
    await loop.end();
    expect(written).toEqual([1, 2, 3]);
    expect(loop.turns).toBe(1);
  });

  it('keeps what work adds for the next turn', async () => {
    const loop = new HeldTurns();
    const batch = new TurnBatch(loop);
    const written: string[] = [];
    batch.add(() => {
      written.push('first');
      batch.add(() => written.push('second'));
    });
    await loop.end();
    expect(written).toEqual(['first']);
    await loop.end();
    expect(written).toEqual(['first', 'second']);
  });
});
