import { type KeyLimits, type Principal } from '../kernel/snapshot.js';

interface Share {
  readonly gateways: number;
  readonly principal: Principal;
}

const shares = new WeakMap<Principal, Share>();

/** What one of several gateways may admit of a principal's limits by itself; budgets it cannot share. */
export function localShare(principal: Principal, gateways: number): Principal {
  const known = shares.get(principal);
  if (known?.gateways === gateways) return known.principal;
  const share: Principal = { ...principal, limits: divide(principal.limits, gateways), budgets: [] };
  shares.set(principal, { gateways, principal: share });
  return share;
}

function divide(limits: KeyLimits, gateways: number): KeyLimits {
  const part = (limit: number | undefined): number | undefined =>
    limit === undefined ? undefined : Math.max(1, Math.floor(limit / gateways));
  return {
    requestsPerMinute: part(limits.requestsPerMinute),
    requestBurst: part(limits.requestBurst),
    tokensPerMinute: part(limits.tokensPerMinute),
    concurrentRequests: part(limits.concurrentRequests),
    maxTokensPerRequest: limits.maxTokensPerRequest,
  };
}
