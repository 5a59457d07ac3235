import { Inject, Injectable, Logger } from '@nestjs/common';
import { overrunCharged } from '../kernel/channels.js';
import { type AttemptRecord, type Charge, type RequestContext } from '../kernel/request-context.js';
import { type Price } from '../kernel/snapshot.js';
import { type Usage } from '../kernel/upstream.js';
import { actualCost, priceOf } from './cost.js';
import { type QuotaStore, type Reservation, type SettleStatus } from './quota-store.js';
import { QUOTA_STORE } from './quota.tokens.js';
import { estimateUsage, isCredible } from './token-estimate.js';

/** Upper bounds that a request was admitted with, tokens. */
export interface ChargeBounds {
  readonly promptTokens: number;
  readonly outputTokens: number;
}

/** Charges every request exactly once, whatever way it ends. */
@Injectable()
export class Ledger {
  readonly #logger = new Logger('Ledger');
  /** Settlements that the store has not answered. */
  #underWay = 0;
  readonly #whenNone: (() => void)[] = [];

  constructor(@Inject(QUOTA_STORE) private readonly store: QuotaStore) {}

  /** Takes over a request: it is charged when its context closes, and its reservation settled where it has one. */
  open(ctx: RequestContext, bounds: ChargeBounds, reservation: Reservation | undefined): void {
    ctx.onClose(() => {
      ctx.charge = chargeOf(ctx, bounds);
      if (reservation) this.#settle(reservation, ctx.charge, ctx.answeredBy !== undefined);
    });
  }

  /** Resolves when every settlement under way has reached the store. */
  flush(): Promise<void> {
    if (this.#underWay === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenNone.push(resolve));
  }

  #settle(reservation: Reservation, charge: Charge, answered: boolean): void {
    const tokens = charge.promptTokens + charge.completionTokens;
    const settled = answered
      ? this.store.settle({ reservation, costNanoUsd: charge.costNanoUsd, tokens })
      : this.store.release(reservation);
    const over = charge.costNanoUsd - reservation.costNanoUsd;
    if (over > 0 && reservation.principal.budgets.length > 0) overrunCharged.publish({ nanoUsd: over });
    if (settled instanceof Promise) this.#follow(settled);
  }

  #follow(settled: Promise<SettleStatus>): void {
    this.#underWay++;
    settled.then(
      () => this.#answered(),
      (error: unknown) => {
        this.#logger.error(error, 'a settlement failed');
        this.#answered();
      },
    );
  }

  #answered(): void {
    if (--this.#underWay > 0) return;
    for (const resolve of this.#whenNone.splice(0)) resolve();
  }
}

const NOTHING: Charge = { promptTokens: 0, completionTokens: 0, costNanoUsd: 0, usageSource: 'none' };

/** The charge of a request that has ended: for each attempt that gave the caller a part of its answer. */
export function chargeOf(ctx: RequestContext, bounds: ChargeBounds): Charge {
  const { answeredBy, continued } = ctx;
  const last = answeredBy ? chargeOfAttempt(answeredBy, ctx, bounds) : NOTHING;
  if (continued.length === 0) return last;
  return continued.map((attempt) => chargeOfAttempt(attempt, ctx, bounds)).reduce(sum, last);
}

/** As the upstream reported it if that can be believed. */
function chargeOfAttempt(attempt: AttemptRecord, { request, cut }: RequestContext, bounds: ChargeBounds): Charge {
  const { facts } = attempt;
  if (!facts || !request) return NOTHING;
  const { provider } = attempt.target;
  const price = priceOf(attempt.target);
  // What was cut for exceeding the reservation cannot have cost no more than it.
  if (!facts.done && facts.usage === undefined && provider.onDisconnect === 'reserved' && !cut) {
    return charge(
      { promptTokens: bounds.promptTokens, completionTokens: bounds.outputTokens, cachedTokens: 0 },
      price,
      'estimated',
    );
  }
  const reported = facts.usage;
  if (reported && isCredible(reported, bounds.promptTokens, bounds.outputTokens))
    return charge(reported, price, 'reported');
  return charge(estimateUsage(request, facts, provider.tokenizer), price, 'estimated');
}

function sum(one: Charge, other: Charge): Charge {
  return {
    promptTokens: one.promptTokens + other.promptTokens,
    completionTokens: one.completionTokens + other.completionTokens,
    costNanoUsd: one.costNanoUsd + other.costNanoUsd,
    usageSource: one.usageSource === 'estimated' ? 'estimated' : other.usageSource,
  };
}

function charge(usage: Usage, price: Price | undefined, usageSource: Charge['usageSource']): Charge {
  const { promptTokens, completionTokens } = usage;
  return { promptTokens, completionTokens, costNanoUsd: price ? actualCost(price, usage) : 0, usageSource };
}
