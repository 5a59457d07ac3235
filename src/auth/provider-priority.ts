import { GatewayError } from '../kernel/gateway-error.js';
import { matchesAny } from '../kernel/name-pattern.js';
import { type Principal, type Snapshot } from '../kernel/snapshot.js';

const NAME = /^[a-z0-9_-]{1,64}$/;
const MAX_NAMES = 5;

/**
 * The providers that `X-Provider-Priority` names, in order.
 * @throws GatewayError unknown_provider: the same answer for a name that is malformed, unknown or forbidden
 */
export function parseProviderPriority(
  header: string | undefined,
  snapshot: Snapshot,
  principal: Principal,
): readonly string[] {
  if (header === undefined || header.trim() === '') return [];
  const names = header.split(',', MAX_NAMES + 1).map((name) => name.trim());
  if (names.length > MAX_NAMES) throw unknown(`X-Provider-Priority may name at most ${MAX_NAMES} providers.`);
  for (const name of names) {
    const known = NAME.test(name) && snapshot.providers.get(name)?.enabled === true;
    if (!known || !matchesAny(principal.providers, name)) throw unknown();
  }
  return names;
}

/** Whether `X-No-Failover` asks for one target only. */
export function parseNoFailover(header: string | undefined): boolean {
  return header !== undefined && /^(true|strict|1|yes)$/i.test(header.trim());
}

function unknown(message?: string): GatewayError {
  return new GatewayError('unknown_provider', { param: 'X-Provider-Priority', ...(message && { message }) });
}
