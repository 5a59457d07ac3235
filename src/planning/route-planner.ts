import { Injectable } from '@nestjs/common';
import { type RequestContext } from '../kernel/request-context.js';
import { type Model, type Target } from '../kernel/snapshot.js';
import { worstCaseCost } from '../quota/cost.js';
import { Overrides } from '../resilience/overrides.js';
import { TargetStates } from '../resilience/target-states.js';
import { type Router, type TargetOrder, type TargetView } from '../routing/router.js';

/** For comparing the prices of targets where nobody bounds the answer: what a chat's answer is like. */
const ASSUMED_OUTPUT_TOKENS = 512;
const BY_WEIGHT: TargetOrder = { by: 'weight' };

/** Tells a router what is known of targets now, and what the configuration prefers. */
@Injectable()
export class RoutePlanner {
  readonly #view: TargetView;
  readonly #byLatency: TargetOrder;

  constructor(states: TargetStates, overrides: Overrides) {
    this.#view = {
      weightFactor: (target) => states.of(target).weightFactor * overrides.weightFactor(target),
      probeDue: (target) => states.of(target).probeDue && overrides.weightFactor(target) > 0,
      admitted: (targets) => overrides.admitted(targets),
    };
    const cost = (target: Target): number => {
      const { latency, limiter } = states.of(target);
      return latency.cost(limiter.inFlight);
    };
    this.#byLatency = { by: 'latency', cost };
  }

  /**
   * The targets of `model` in the order in which this request tries them.
   * @param router whose turn of the weighted choice is taken
   * @param promptTokens estimate, for comparing prices
   * @throws GatewayError no_provider_available
   */
  plan(router: Router, ctx: RequestContext, model: Model, promptTokens: number): readonly Target[] {
    return router.plan(model, ctx.principal, ctx, this.#view, this.#order(ctx, promptTokens));
  }

  #order({ snapshot, request, outputCap }: RequestContext, promptTokens: number): TargetOrder {
    switch (snapshot.routing.strategy) {
      case 'weighted':
        return BY_WEIGHT;
      case 'leastLatency':
        return this.#byLatency;
      case 'leastCost': {
        const outputTokens = outputCap ?? request?.maxTokens ?? ASSUMED_OUTPUT_TOKENS;
        const price = (target: Target): number => worstCaseCost([target], promptTokens, outputTokens) ?? Infinity;
        return { by: 'price', price };
      }
    }
  }
}
