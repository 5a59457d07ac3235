import { matchesAny } from '../kernel/name-pattern.js';
import { type Principal, type Target } from '../kernel/snapshot.js';
import { type Overrides } from '../resilience/overrides.js';
import { type TargetState } from '../resilience/target-state.js';

/** Why a target would not be tried now: a closed set. */
export type Exclusion =
  | 'provider_disabled'
  | 'provider_not_allowed'
  | 'drained'
  | 'breaker_open'
  | 'probe_in_flight'
  | 'cooling_down'
  | 'limiter_full'
  | 'no_failover';

/** What else there is to know of a target: it may be tried all the same. */
export type Remark = 'failover_only' | 'slow_start' | 'probe' | 'later_tier' | 'pinned' | 'has_queue';

/** One target of the model, and whether this request could go there now. Times in ms; null = nothing known yet. */
export interface Candidate {
  readonly id: string;
  readonly provider: string;
  readonly upstreamModel: string;
  readonly tier: number;
  /** The file's weight. */
  readonly weight: number;
  /** The weight that counts now: times an operator's override, the breaker's slow start, 0 while it rests. */
  readonly effectiveWeight: number;
  /** Chance to be the first of its tier, 0 to 1, where nothing is pinned; null where latency or cost decides. */
  readonly share: number | null;
  /** Place in the plan from 0 on; null where it is not in it. */
  readonly place: number | null;
  readonly eligible: boolean;
  readonly excludedBy: readonly Exclusion[];
  readonly remarks: readonly Remark[];
  readonly breaker: { readonly state: TargetState['breaker']['state']; readonly remainingOpenMs: number };
  readonly coolDownMs: number;
  readonly limiter: { readonly limit: number; readonly inFlight: number };
  readonly queueLength: number;
  readonly ttftMs: { readonly p50: number | null; readonly p95: number | null };
}

/** What a request asks of the route, and the plan that was made of it. */
export interface PlannedRoute {
  readonly principal: Principal;
  readonly pins: readonly string[];
  readonly noFailover: boolean;
  readonly plan: readonly Target[];
  /** The weight decides who is the first of a tier. */
  readonly byWeight: boolean;
}

/** Looks at a model's targets without touching them: nothing is taken, probed or counted. */
export function candidatesOf(
  targets: readonly Target[],
  route: PlannedRoute,
  stateOf: (target: Target) => TargetState,
  overrides: Overrides,
): Candidate[] {
  const firstTier = Math.min(...route.plan.map(({ tier }) => tier));
  const looked = targets.map((target) => look(target, route, stateOf(target), overrides, firstTier));
  if (!route.byWeight) return looked;
  return looked.map((candidate) => ({ ...candidate, share: shareOf(candidate, looked) }));
}

function look(
  target: Target,
  route: PlannedRoute,
  state: TargetState,
  overrides: Overrides,
  firstTier: number,
): Candidate {
  const { breaker, coolDown, limiter, latency, queue } = state;
  const place = route.plan.indexOf(target);
  const excludedBy = exclusionsOf(target, route, state, overrides);
  const effectiveWeight = target.weight * state.weightFactor * overrides.weightFactor(target);
  return {
    id: target.id,
    provider: target.provider.name,
    upstreamModel: target.model,
    tier: target.tier,
    weight: target.weight,
    effectiveWeight,
    share: null,
    place: place < 0 ? null : place,
    eligible: excludedBy.length === 0,
    excludedBy,
    remarks: thoseThatHold<Remark>({
      pinned: route.pins.includes(target.provider.name),
      failover_only: target.weight * overrides.weightFactor(target) === 0,
      slow_start: breaker.state === 'closed' && state.weightFactor > 0 && state.weightFactor < 1,
      probe: breaker.state !== 'closed' && breaker.remainingOpenMs === 0 && !breaker.probing,
      later_tier: target.tier > firstTier,
      has_queue: queue.length > 0,
    }),
    breaker: { state: breaker.state, remainingOpenMs: breaker.remainingOpenMs },
    coolDownMs: coolDown.remainingMs(),
    limiter: { limit: limiter.limit, inFlight: limiter.inFlight },
    queueLength: queue.length,
    ttftMs: { p50: latency.ttftQuantile(0.5) ?? null, p95: latency.ttftQuantile(0.95) ?? null },
  };
}

function exclusionsOf(target: Target, route: PlannedRoute, state: TargetState, overrides: Overrides): Exclusion[] {
  const { provider } = target;
  const { breaker, coolDown, limiter, queue } = state;
  const planned = route.plan.includes(target);
  const allowed = matchesAny(route.principal.providers, provider.name);
  const drained = overrides.admitted([target]).length === 0;
  return thoseThatHold<Exclusion>({
    provider_disabled: !provider.enabled,
    provider_not_allowed: !allowed,
    drained: drained,
    breaker_open: breaker.remainingOpenMs > 0,
    probe_in_flight: breaker.state === 'halfOpen' && breaker.probing,
    cooling_down: coolDown.isCooling(),
    limiter_full: queue.length > 0 || limiter.inFlight >= limiter.limit,
    no_failover: route.noFailover && !planned && provider.enabled && allowed && !drained,
  });
}

function shareOf(candidate: Candidate, all: readonly Candidate[]): number {
  const peers = all.filter(({ tier, place }) => tier === candidate.tier && place !== null);
  const total = peers.reduce((sum, { effectiveWeight }) => sum + effectiveWeight, 0);
  return candidate.place === null || total === 0 ? 0 : candidate.effectiveWeight / total;
}

function thoseThatHold<Word extends string>(facts: Readonly<Record<Word, boolean>>): Word[] {
  return (Object.keys(facts) as Word[]).filter((word) => facts[word]);
}
