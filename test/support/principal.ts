import { type Budget, type KeyLimits, type Principal } from '../../src/kernel/snapshot.js';

const NO_LIMITS: KeyLimits = {
  requestsPerMinute: undefined,
  requestBurst: undefined,
  tokensPerMinute: undefined,
  concurrentRequests: undefined,
  maxTokensPerRequest: undefined,
};

/** What a test says of a principal; all else is a client without limits. */
export interface PrincipalTraits extends Partial<Omit<Principal, 'limits'>> {
  readonly limits?: Partial<KeyLimits>;
}

/** A principal with the given traits. */
export function aPrincipal({ limits, ...traits }: PrincipalTraits = {}): Principal {
  return {
    keyId: 'team-a',
    org: 'acme',
    team: undefined,
    user: undefined,
    role: 'client',
    priority: 'default',
    degradable: false,
    models: ['*'],
    providers: ['*'],
    budgets: [],
    budgetOnRedisDown: 'deny',
    limits: { ...NO_LIMITS, ...limits },
    ...traits,
  };
}

/** A budget of whole nano-USD. */
export function aBudget(
  limitNanoUsd: number,
  scope: Budget['scope'] = 'key',
  window: Budget['window'] = 'month',
): Budget {
  return { scope, window, limitNanoUsd };
}
