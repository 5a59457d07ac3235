import { describe, expect, it, vi } from 'vitest';
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

  it('does the rest where some of it throws, and lets the process know', async () => {
    const later = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation(() => undefined);
    const loop = new HeldTurns();
    const batch = new TurnBatch(loop);
    const written: number[] = [];
    batch.add(() => written.push(1));
    batch.add(() => {
      throw new Error('a mistake');
    });
    batch.add(() => written.push(3));
    await loop.end();
    const told = later.mock.calls.map(([tell]) => tell);
    later.mockRestore();
    expect(written).toEqual([1, 3]);
    expect(told).toHaveLength(1);
    expect(told[0]).toThrow('a mistake');
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
