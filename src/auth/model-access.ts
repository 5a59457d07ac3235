import { GatewayError } from '../kernel/gateway-error.js';
import { matchesAny } from '../kernel/name-pattern.js';
import { type Model, type Principal, type Snapshot } from '../kernel/snapshot.js';

/** Long names are cut in messages: they are the caller's text. */
const SHOWN_CHARACTERS = 64;

/**
 * The model that a principal asks for.
 * @throws GatewayError model_not_found: the same answer for an unknown and for a forbidden model
 */
export function findModel(snapshot: Snapshot, principal: Principal, name: string): Model {
  const model = snapshot.models.get(name);
  if (model && matchesAny(principal.models, name)) return model;
  throw new GatewayError('model_not_found', {
    message: `The model \`${name.slice(0, SHOWN_CHARACTERS)}\` does not exist or you do not have access to it.`,
    param: 'model',
  });
}

/** The models that a principal may use, in the file's order. */
export function visibleModels(snapshot: Snapshot, principal: Principal): readonly Model[] {
  return [...snapshot.models.values()].filter(({ name }) => matchesAny(principal.models, name));
}
