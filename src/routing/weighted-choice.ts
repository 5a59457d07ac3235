import { type Clock } from '../kernel/clock.js';
import { type Target } from '../kernel/snapshot.js';

/** How much of its weight a target gets at the moment, from 0 to 1. */
export type WeightFactor = (target: Target) => number;

/**
 * Smooth weighted round robin (nginx's): over every cycle each target is chosen as often as its weight says, to
 * within one. The start is random, so that many gateways do not choose in step.
 */
export class WeightedChoice {
  readonly #credit = new Map<string, number>();

  constructor(private readonly clock: Clock) {}

  /** @returns the chosen target, or undefined where none has a weight */
  next(scope: string, targets: readonly Target[], factor: WeightFactor): Target | undefined {
    let total = 0;
    let best: Target | undefined;
    let bestKey = '';
    let bestCredit = -Infinity;
    for (const target of targets) {
      const weight = target.weight * factor(target);
      if (weight <= 0) continue;
      total += weight;
      const key = scope + target.id;
      const credit = (this.#credit.get(key) ?? this.clock.random() * weight) + weight;
      this.#credit.set(key, credit);
      if (credit > bestCredit) {
        best = target;
        bestKey = key;
        bestCredit = credit;
      }
    }
    if (best) this.#credit.set(bestKey, bestCredit - total);
    return best;
  }

  /** The rest in a random order that favours weight; those without weight last. */
  order(targets: readonly Target[], factor: WeightFactor): Target[] {
    // Exponential keys sort as weighted sampling without replacement does (Efraimidis and Spirakis, 2006).
    const keyed = targets.map((target) => {
      const weight = target.weight * factor(target);
      return { target, key: weight > 0 ? -Math.log(1 - this.clock.random()) / weight : Infinity };
    });
    return keyed.sort((a, b) => a.key - b.key).map(({ target }) => target);
  }
}
