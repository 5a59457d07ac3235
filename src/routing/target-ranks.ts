import { type Clock } from '../kernel/clock.js';
import { type Target } from '../kernel/snapshot.js';
import { cheaperOfTwo } from './power-of-two.js';
import { type WeightFactor } from './weighted-choice.js';

/**
 * The cheaper of two drawn at random, then the rest from cheap to dear. Those without weight, and those that must not
 * be used now, come last.
 */
export function leastLatency(
  clock: Clock,
  targets: readonly Target[],
  cost: (target: Target) => number,
  factor: WeightFactor,
): Target[] {
  const usable = targets.filter((target) => isUsable(target, factor));
  const costs = new Map(usable.map((target) => [target, cost(target)]));
  const costOf = (target: Target | undefined): number => (target && costs.get(target)) ?? Infinity;
  const first = usable.length > 0 ? usable[cheaperOfTwo(clock, usable.length, (at) => costOf(usable[at]))] : undefined;
  const rest = usable.filter((target) => target !== first).sort((a, b) => costOf(a) - costOf(b));
  const last = targets.filter((target) => !costs.has(target));
  return first ? [first, ...rest, ...last] : last;
}

/** Groups of one price, from cheap to dear; in the last group those without weight, and those that must not be used now. */
export function byPrice(
  targets: readonly Target[],
  price: (target: Target) => number,
  factor: WeightFactor,
): readonly (readonly Target[])[] {
  const groups = new Map<number, Target[]>();
  const last: Target[] = [];
  for (const target of targets) {
    if (!isUsable(target, factor)) {
      last.push(target);
      continue;
    }
    const amount = price(target);
    const group = groups.get(amount);
    if (group) group.push(target);
    else groups.set(amount, [target]);
  }
  return [...[...groups].sort(([a], [b]) => compare(a, b)).map(([, group]) => group), last];
}

/** Infinity minus itself is no number. */
function compare(a: number, b: number): number {
  return a === b ? 0 : a - b;
}

function isUsable(target: Target, factor: WeightFactor): boolean {
  return target.weight > 0 && factor(target) > 0;
}
