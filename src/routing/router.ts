import { Inject, Injectable } from '@nestjs/common';
import { allowedTargets } from '../kernel/allowed-targets.js';
import { type Clock } from '../kernel/clock.js';
import { GatewayError } from '../kernel/gateway-error.js';
import { type Model, type Principal, type Target } from '../kernel/snapshot.js';
import { CLOCK } from '../kernel/tokens.js';
import { byPrice, leastLatency } from './target-ranks.js';
import { WeightedChoice, type WeightFactor } from './weighted-choice.js';

/** What a caller asks of the route, beyond the model. */
export interface RouteWish {
  /** Providers to try first, in this order. */
  readonly pins: readonly string[];
  /** Try nothing but the first target. */
  readonly noFailover: boolean;
}

/** What makes one target of a tier better than another. */
export type TargetOrder =
  | { readonly by: 'weight' }
  /** `cost`: of sending one more request there now. */
  | { readonly by: 'latency'; readonly cost: (target: Target) => number }
  /** `price`: of this request there, in any unit; Infinity where it is unknown. */
  | { readonly by: 'price'; readonly price: (target: Target) => number };

/** What is known of targets at this moment. */
export interface TargetView {
  /** Share of its weight that a target may get: below 1 while it recovers, 0 while it must not be used. */
  readonly weightFactor: WeightFactor;
  /** Whether a request should find out if the target has recovered: nothing else would, while its equals are well. */
  readonly probeDue: (target: Target) => boolean;
  /** Those of `targets` that may be planned at all. */
  readonly admitted: (targets: readonly Target[]) => readonly Target[];
}

/** Orders a model's targets for one request. */
@Injectable()
export class Router {
  readonly #choice: WeightedChoice;

  constructor(@Inject(CLOCK) private readonly clock: Clock) {
    this.#choice = new WeightedChoice(clock);
  }

  /**
   * The plan: pinned targets first, then tier by tier. The first of a tier is found by smooth weighted choice, as the
   * cheaper of two drawn at random where latency counts, or among the cheapest where the price does.
   * @throws GatewayError no_provider_available where the principal may use none of the model's targets, or all are drained
   */
  plan(
    model: Model,
    principal: Principal,
    wish: RouteWish,
    view: TargetView,
    order: TargetOrder = BY_WEIGHT,
  ): readonly Target[] {
    const targets = view.admitted(allowedTargets(model, principal));
    if (targets.length === 0) throw new GatewayError('no_provider_available');
    if (wish.pins.length === 0 && targets.length === 1) return targets;
    const pinned = pinnedTargets(targets, wish.pins);
    const plan = [...pinned];
    for (const tier of tiersOf(targets)) {
      if (wish.noFailover && plan.length > 0) break;
      const rest = tier.filter((target) => !pinned.includes(target));
      const ordered = this.#ordered(model, rest, view.weightFactor, order);
      plan.push(...(wish.noFailover ? ordered : probeFirst(ordered, view)));
    }
    return wish.noFailover ? plan.slice(0, 1) : plan;
  }

  #ordered(model: Model, tier: readonly Target[], factor: WeightFactor, order: TargetOrder): readonly Target[] {
    switch (order.by) {
      case 'weight':
        return this.#weighted(model, tier, factor);
      case 'latency': {
        const { cost } = order;
        return leastLatency(this.clock, tier, (target) => cost(target) / factor(target), factor);
      }
      case 'price':
        return byPrice(tier, order.price, factor).flatMap((group) => this.#weighted(model, group, factor));
    }
  }

  #weighted(model: Model, targets: readonly Target[], factor: WeightFactor): readonly Target[] {
    const first = this.#choice.next(model.name, targets, factor);
    const rest = this.#choice.order(
      targets.filter((target) => target !== first),
      factor,
    );
    return first ? [first, ...rest] : rest;
  }
}

/** A request that has somewhere else to go may be the probe. The breaker lets one at a time through. */
function probeFirst(ordered: readonly Target[], { probeDue }: TargetView): readonly Target[] {
  if (ordered.length < 2) return ordered;
  const due = ordered.find((target) => target.weight > 0 && probeDue(target));
  return due && due !== ordered[0] ? [due, ...ordered.filter((target) => target !== due)] : ordered;
}

const BY_WEIGHT: TargetOrder = { by: 'weight' };

function pinnedTargets(targets: readonly Target[], pins: readonly string[]): Target[] {
  return [...new Set(pins)].flatMap((pin) => targets.filter(({ provider }) => provider.name === pin));
}

function tiersOf(targets: readonly Target[]): Target[][] {
  const tiers = new Map<number, Target[]>();
  for (const target of targets) {
    const tier = tiers.get(target.tier);
    if (tier) tier.push(target);
    else tiers.set(target.tier, [target]);
  }
  return [...tiers].sort(([a], [b]) => a - b).map(([, tier]) => tier);
}
