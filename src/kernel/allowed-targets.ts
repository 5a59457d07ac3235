import { matchesAny } from './name-pattern.js';
import { type Model, type Principal, type Target } from './snapshot.js';

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
