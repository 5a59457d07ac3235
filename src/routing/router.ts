import { Inject, Injectable } from '@nestjs/common';
import { type Clock } from '../kernel/clock.js';
import { GatewayError } from '../kernel/gateway-error.js';
import { matchesAny } from '../kernel/name-pattern.js';
import { type Model, type Principal, type Target } from '../kernel/snapshot.js';
import { CLOCK } from '../kernel/tokens.js';
import { WeightedChoice, type WeightFactor } from './weighted-choice.js';

/** What a caller asks of the route, beyond the model. */
export interface RouteWish {
  /** Providers to try first, in this order. */
  readonly pins: readonly string[];
  /** Try nothing but the first target. */
  readonly noFailover: boolean;
}

/** What is known of targets at this moment. */
export interface TargetView {
  /** Share of its weight that a target may get: below 1 while it recovers, 0 while it must not be used. */
  readonly weightFactor: WeightFactor;
  /** Those of `targets` that may be planned at all. */
  readonly admitted: (targets: readonly Target[]) => readonly Target[];
}

/** Orders a model's targets for one request. */
@Injectable()
export class Router {
  readonly #choice: WeightedChoice;

  constructor(@Inject(CLOCK) clock: Clock) {
    this.#choice = new WeightedChoice(clock);
  }

  /**
   * The plan: pinned targets first, then tier by tier, the first of each tier by smooth weighted choice.
   * @throws GatewayError no_provider_available where the principal may use none of the model's targets, or all are drained
   */
  plan(model: Model, principal: Principal, wish: RouteWish, view: TargetView): readonly Target[] {
    const targets = view.admitted(allowedTargets(model, principal));
    if (targets.length === 0) throw new GatewayError('no_provider_available');
    if (wish.pins.length === 0 && targets.length === 1) return targets;
    const pinned = pinnedTargets(targets, wish.pins);
    const plan = [...pinned];
    for (const tier of tiersOf(targets)) {
      if (wish.noFailover && plan.length > 0) break;
      const rest = tier.filter((target) => !pinned.includes(target));
      const first = this.#choice.next(model.name, rest, view.weightFactor);
      if (first) plan.push(first);
      plan.push(
        ...this.#choice.order(
          rest.filter((target) => target !== first),
          view.weightFactor,
        ),
      );
    }
    return wish.noFailover ? plan.slice(0, 1) : plan;
  }
}

const allowed = new WeakMap<Model, WeakMap<Principal, readonly Target[]>>();

/** A model's targets that are enabled and that the principal may use. Found once per snapshot: both are frozen. */
export function allowedTargets(model: Model, principal: Principal): readonly Target[] {
  let byPrincipal = allowed.get(model);
  if (!byPrincipal) allowed.set(model, (byPrincipal = new WeakMap()));
  let targets = byPrincipal.get(principal);
  if (!targets) {
    targets = model.targets.filter(
      ({ provider }) => provider.enabled && matchesAny(principal.providers, provider.name),
    );
    byPrincipal.set(principal, targets);
  }
  return targets;
}

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
