import { type Clock } from '../kernel/clock.js';

/**
 * Index of the cheaper of two different items drawn at random (Mitzenmacher's power of two choices): nearly as good as
 * the cheapest, without everybody rushing there at once. `count` is at least 1.
 */
export function cheaperOfTwo(clock: Clock, count: number, cost: (index: number) => number): number {
  const one = Math.floor(clock.random() * count);
  if (count === 1) return one;
  const other = (one + 1 + Math.floor(clock.random() * (count - 1))) % count;
  return cost(other) < cost(one) ? other : one;
}
