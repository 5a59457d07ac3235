import { type Principal } from '../kernel/snapshot.js';
import { localShare } from './local-share.js';
import { type MemoryQuotaStore } from './memory-quota-store.js';
import {
  type AcquireRequest,
  type AcquireResult,
  type Refusal,
  type Reservation,
  type Settlement,
  type SettleStatus,
} from './quota-store.js';

/** How ids end that the shared store did not admit. */
const LOCAL = '.local';
const RETRY_US = 1_000_000;

const UNAVAILABLE: Refusal = {
  admitted: false,
  reason: 'unavailable',
  retryAfterUs: RETRY_US,
  budget: undefined,
  levels: { requests: undefined, tokens: undefined },
};

/** What one of several gateways decides by itself while the shared store is out of reach. */
export class LocalQuota {
  /** @param gateways how many shared the store when it was last heard of */
  constructor(
    private readonly store: MemoryQuotaStore,
    private readonly gateways: () => number,
  ) {}

  /** Rates by this gateway's share of the limits, budgets by their owner's policy. */
  acquire(request: AcquireRequest): AcquireResult {
    const { principal, costNanoUsd } = request;
    if (mustRefuse(principal)) return UNAVAILABLE;
    const share = this.#shareOf(principal);
    // What fits the whole limit must fit the share, or waiting would not help: it takes all of it.
    const tokens = fits(request) ? Math.min(request.tokens, share.limits.tokensPerMinute ?? Infinity) : request.tokens;
    const result = this.store.acquire({ id: request.id + LOCAL, principal: share, tokens, costNanoUsd });
    if (!result.admitted) return result;
    return { ...result, reservation: { ...result.reservation, principal, heldBy: 'local' } };
  }

  settle(settlement: Settlement): SettleStatus {
    const { reservation } = settlement;
    const principal = this.#shareOf(reservation.principal);
    return this.store.settle({ ...settlement, reservation: { ...reservation, principal } });
  }

  /** Renews those of a principal's ids that are held here; returns the others. */
  renew(principal: Principal, ids: readonly string[]): readonly string[] {
    const here = ids.filter((id) => id.endsWith(LOCAL));
    if (here.length > 0) this.store.renew(this.#shareOf(principal), here);
    return ids.filter((id) => !id.endsWith(LOCAL));
  }

  sweep(): number {
    return this.store.sweep();
  }

  #shareOf(principal: Principal): Principal {
    return localShare(principal, this.gateways());
  }
}

/** Without the store a stream goes on as far as its owner lets requests begin without it. */
export function extendWithout(reservation: Reservation): AcquireResult {
  return mustRefuse(reservation.principal) ? UNAVAILABLE : goOn(reservation);
}

/** Without the store, what was admitted goes on. */
export function goOn(reservation: Reservation): AcquireResult {
  return { admitted: true, reservation, repeated: true, levels: UNAVAILABLE.levels };
}

function mustRefuse({ budgets, budgetOnRedisDown }: Principal): boolean {
  return budgets.length > 0 && budgetOnRedisDown === 'deny';
}

function fits({ tokens, principal }: AcquireRequest): boolean {
  return tokens <= (principal.limits.tokensPerMinute ?? Infinity);
}
