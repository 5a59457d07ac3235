import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { type LevelChange, LoadSampler } from './load-sampler.js';
import { type LoadSample, SheddingLevel, sheds } from './shedding-level.js';

const CALM: LoadSample = { loopDelayMs: 1, utilisation: 0.3, memory: 0.4, inFlight: 0.1, sockets: 0.1 };

function levels(samples: readonly Partial<LoadSample>[]): number[] {
  const shedding = new SheddingLevel();
  return samples.map((sample) => shedding.update({ ...CALM, ...sample }));
}
const times = <T>(count: number, value: T): T[] => new Array<T>(count).fill(value);

describe('SheddingLevel', () => {
  it.each<[Partial<LoadSample>, number]>([
    [{}, 0],
    [{ loopDelayMs: 50 }, 1],
    [{ loopDelayMs: 100 }, 2],
    [{ loopDelayMs: 1_000 }, 4],
    [{ utilisation: 0.9 }, 1],
    [{ memory: 0.7 }, 1],
    [{ memory: 0.8 }, 2],
    [{ memory: 0.88 }, 3],
    [{ memory: 0.94 }, 4],
    [{ inFlight: 0.8 }, 1],
    [{ inFlight: 0.9 }, 2],
    [{ inFlight: 1 }, 3],
    [{ sockets: 0.8 }, 1],
    [{ sockets: 1 }, 2],
  ])('answers %j with level %i at once', (sample, level) => {
    expect(levels([sample])).toEqual([level]);
  });

  it('sheds default for the loop’s delay in the second of two successive seconds only', () => {
    expect(levels(times(5, { loopDelayMs: 300 }))).toEqual([2, 2, 2, 2, 3]);
    expect(levels([...times(4, { loopDelayMs: 300 }), {}, { loopDelayMs: 300 }])).toEqual([2, 2, 2, 2, 2, 2]);
  });

  it('sheds sheddable after 2 s of a full loop, and never default for it alone', () => {
    expect(levels(times(9, { utilisation: 1 }))).toEqual([1, 1, 1, 1, 1, 1, 1, 2, 2]);
    expect(levels(times(100, { utilisation: 1 })).at(-1)).toBe(2);
  });

  it('comes down after eight samples below 80 % of the threshold, straight to where it belongs', () => {
    expect(levels([{ memory: 0.94 }, ...times(8, {})])).toEqual([4, 4, 4, 4, 4, 4, 4, 4, 0]);
    expect(levels([{ inFlight: 1 }, ...times(8, { inFlight: 0.7 })]).at(-1)).toBe(1);
  });

  it('does not come down between 80 % and the threshold, nor while samples alternate', () => {
    expect(levels([{ inFlight: 0.8 }, ...times(50, { inFlight: 0.65 })]).at(-1)).toBe(1);
    const alternating = Array.from({ length: 60 }, (_, n) => (n % 7 ? {} : { loopDelayMs: 120 }));
    expect(new Set(levels(alternating))).toEqual(new Set([2]));
  });

  it('refuses by priority', () => {
    const refused = ([0, 1, 2, 3, 4] as const).map((level) =>
      (['sheddable', 'default', 'critical'] as const).filter((priority) => sheds(level, priority)),
    );
    expect(refused).toEqual([[], [], ['sheddable'], ['sheddable', 'default'], ['sheddable', 'default', 'critical']]);
  });
});

describe('LoadSampler', () => {
  it('reaches level 3 within 2.5 s of a loop blocked 300 ms each second, leaves within 4 s, without flapping', () => {
    const clock = new ManualClock();
    const changes: LevelChange[] = [];
    let delays: number[] = [0, 0, 0, 0];
    let reading = 0;
    const blockedUntil = clock.now() + 10_000;
    const source = {
      read: () => {
        // One of four readings sees the block; the reading covers the last second.
        const blocked = reading++ % 4 === 0 && clock.now() < blockedUntil;
        delays = [...delays.slice(1), blocked ? 300 : 1];
        return { ...CALM, loopDelayMs: Math.max(...delays) };
      },
    };
    const started = clock.now();
    let level3At = Infinity;
    const sampler = new LoadSampler(clock, source, 250, (change) => {
      changes.push(change);
      if (change.to === 3) level3At = clock.now();
    });
    sampler.start();
    sampler.start();
    clock.advanceSync(10_000);
    expect(level3At - started).toBeLessThanOrEqual(2_500);
    expect(sampler.level).toBe(3);
    clock.advanceSync(4_000);
    expect(sampler.level).toBe(0);
    expect(changes.map(({ to }) => to)).toEqual([2, 3, 0]);
    expect(changes[0]?.causes).toEqual(['loopDelayMs']);
    sampler.stop();
    expect(clock.pending).toBe(0);
  });
});
