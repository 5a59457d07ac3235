import { type Clock } from '../kernel/clock.js';
import { type Budget, type KeyLimits, type Principal } from '../kernel/snapshot.js';
import { ulid } from '../kernel/ulid.js';
import { type QuotaStore } from './quota-store.js';

const NO_LIMITS: KeyLimits = {
  requestsPerMinute: undefined,
  requestBurst: undefined,
  tokensPerMinute: undefined,
  concurrentRequests: undefined,
  maxTokensPerRequest: undefined,
};
const ONE_NANO: Budget = { scope: 'key', window: '1h', limitNanoUsd: 1 };

/** One principal per limiter, allowed exactly one request. */
const PROBES: readonly {
  readonly name: string;
  readonly limits: Partial<KeyLimits>;
  readonly budgets: readonly Budget[];
}[] = [
  { name: 'requests', limits: { requestsPerMinute: 1, requestBurst: 1 }, budgets: [] },
  { name: 'tokens', limits: { tokensPerMinute: 1 }, budgets: [] },
  { name: 'concurrency', limits: { concurrentRequests: 1 }, budgets: [] },
  { name: 'budget', limits: {}, budgets: [ONE_NANO] },
];

/** Tries each limiter with two requests where one is allowed; @returns the names of those that let both pass */
export async function limitersThatDoNotRefuse(store: QuotaStore, clock: Clock): Promise<readonly string[]> {
  const silent: string[] = [];
  for (const { name, limits, budgets } of PROBES) {
    const keyId = `self-test-${ulid(clock.wall()).toLowerCase()}`;
    const principal = probe(keyId, { ...NO_LIMITS, ...limits }, budgets);
    const ask = (nth: number) => store.acquire({ id: `${keyId}-${nth}`, principal, tokens: 1, costNanoUsd: 1 });
    const first = await ask(1);
    const second = await ask(2);
    if (second.admitted) silent.push(name);
    for (const result of [first, second]) if (result.admitted) await store.release(result.reservation);
  }
  return silent;
}

function probe(keyId: string, limits: KeyLimits, budgets: readonly Budget[]): Principal {
  return {
    keyId,
    org: keyId,
    team: undefined,
    user: undefined,
    role: 'client',
    priority: 'default',
    degradable: false,
    models: ['*'],
    providers: ['*'],
    limits,
    budgets,
    budgetOnRedisDown: 'deny',
  };
}
