import { type QuotaPlan } from './quota-plan.js';

/** Layout of the data. Gateways of different layouts do not see each other's counters. */
const LAYOUT = 1;

/** Names of a principal's keys: one hash tag per paying org, so that one script may touch them all in a cluster. */
export class RedisKeys {
  readonly org: readonly string[];
  readonly requests: string;
  readonly tokens: string;
  readonly slots: string;
  readonly #prefix: string;

  constructor(plan: Pick<QuotaPlan, 'org' | 'keyId'>) {
    this.#prefix = `q:{${plan.org}}:${LAYOUT}:`;
    this.org = orgKeys(plan.org);
    this.requests = `${this.#prefix}rpm:${plan.keyId}`;
    this.tokens = `${this.#prefix}tpm:${plan.keyId}`;
    this.slots = `${this.#prefix}conc:${plan.keyId}`;
  }

  /** Marks an id as settled. */
  done(id: string): string {
    return `${this.#prefix}done:${id}`;
  }
}

/** Leases, reservations, budgets and sums of an encoded org. */
export function orgKeys(org: string): string[] {
  return ['lease', 'resv', 'bud', 'sum'].map((name) => `q:{${org}}:${LAYOUT}:${name}`);
}

/** Gateways that live. */
export const GATEWAYS_KEY = `q:${LAYOUT}:gateways`;

const known = new WeakMap<QuotaPlan, RedisKeys>();

export function keysOf(plan: QuotaPlan): RedisKeys {
  let keys = known.get(plan);
  if (keys === undefined) {
    keys = new RedisKeys(plan);
    known.set(plan, keys);
  }
  return keys;
}
