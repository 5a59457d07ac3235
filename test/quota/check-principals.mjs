/** Where an org's budgets end: reached within a second or so, so that every run crosses its limits often. */
export const LIMITS = { key: 20_000, team: 30_000, org: 40_000 };
const KEYS = 3;
const NO_LIMIT = undefined;

/** The org that all clients turn to in the n-th half second: budgets that are spent would end the check. */
export const orgAt = (elapsedMs) => `org-${Math.floor(elapsedMs / 500)}`;

/** The keys of an org: budgets of three scopes, and a bound of slots. */
export function principalsOf(org) {
  return Array.from({ length: KEYS }, (_, key) => ({
    keyId: `key-${key}`,
    org,
    team: `team-${key % 2}`,
    user: undefined,
    role: 'client',
    priority: 'default',
    models: ['*'],
    providers: ['*'],
    budgetOnRedisDown: 'deny',
    limits: {
      requestsPerMinute: 600_000,
      requestBurst: 100_000,
      tokensPerMinute: 10_000_000,
      concurrentRequests: 8,
      maxTokensPerRequest: NO_LIMIT,
    },
    budgets: [
      { scope: 'key', window: 'month', limitNanoUsd: LIMITS.key },
      { scope: 'team', window: '30d', limitNanoUsd: LIMITS.team },
      { scope: 'org', window: 'month', limitNanoUsd: LIMITS.org },
    ],
  }));
}
