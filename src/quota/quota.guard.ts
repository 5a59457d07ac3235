import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { contextOf, requestOf } from '../http/context-slot.js';
import { allowedTargets } from '../kernel/allowed-targets.js';
import { quotaRefused } from '../kernel/channels.js';
import { type Clock } from '../kernel/clock.js';
import { GatewayError } from '../kernel/gateway-error.js';
import { type ChatRequest } from '../kernel/openai.js';
import { type RequestContext } from '../kernel/request-context.js';
import { type Model } from '../kernel/snapshot.js';
import { CLOCK } from '../kernel/tokens.js';
import { promptUpperBound, worstCaseCost } from './cost.js';
import { type ChargeBounds, Ledger } from './ledger.js';
import { QUOTA_STORE } from './quota.tokens.js';
import { type AcquireResult, type QuotaStore } from './quota-store.js';
import { writeRateHeaders } from './rate-headers.js';
import { refusalError } from './refusal-error.js';
import { FIRST_SLICE, SlicedReservation } from './sliced-reservation.js';
import { promptSize } from './token-estimate.js';

/** Reserves the worst case of a request before any upstream is called, in one atomic step. */
@Injectable()
export class QuotaGuard implements CanActivate {
  constructor(
    @Inject(QUOTA_STORE) private readonly store: QuotaStore,
    private readonly ledger: Ledger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws GatewayError what the refusal means, or unpriced_model */
  canActivate(execution: ExecutionContext): true | Promise<true> {
    const ctx = contextOf(requestOf(execution));
    const { request, model, principal } = ctx;
    if (!request || !model) throw new Error('the body was not read');
    ctx.checkedAt = this.clock.now();
    const bounds = boundsOf(ctx, request, model);
    if (!isLimited(ctx)) {
      ctx.reservedAt = ctx.checkedAt;
      this.ledger.open(ctx, bounds, undefined);
      return true;
    }
    // What is reserved bounds the answer only if the upstream is told so.
    ctx.outputCap = bounds.outputTokens / request.choices;
    const held = isSliced(ctx, request, model, bounds) ? { ...bounds, outputTokens: FIRST_SLICE } : bounds;
    const tokens = held.promptTokens + held.outputTokens;
    const result = this.store.acquire({ id: ctx.id, principal, tokens, costNanoUsd: worstPrice(ctx, model, held) });
    if (result instanceof Promise) return result.then((settled) => this.#admit(ctx, model, bounds, held, settled));
    return this.#admit(ctx, model, bounds, held, result);
  }

  #admit(ctx: RequestContext, model: Model, bounds: ChargeBounds, held: ChargeBounds, result: AcquireResult): true {
    ctx.reservedAt = this.clock.now();
    writeRateHeaders(ctx.answerHeaders, result.levels);
    if (!result.admitted) {
      quotaRefused.publish({ reason: result.reason });
      throw refusalError(result, this.clock);
    }
    ctx.reservedOutputTokens = bounds.outputTokens;
    let { reservation } = result;
    if (held !== bounds) {
      const cost = (outputTokens: number): number => worstPrice(ctx, model, { ...bounds, outputTokens });
      reservation = new SlicedReservation(ctx, this.store, reservation, { ...bounds, cost }).reservation;
    }
    this.ledger.open(ctx, bounds, reservation);
    ctx.reservation = reservation;
    return true;
  }
}

/** Whether the quota store has anything to say of the caller's requests. */
export function isLimited({ principal }: RequestContext): boolean {
  const { requestsPerMinute, tokensPerMinute, concurrentRequests } = principal.limits;
  return (
    principal.budgets.length > 0 ||
    requestsPerMinute !== undefined ||
    tokensPerMinute !== undefined ||
    concurrentRequests !== undefined
  );
}

/** Only a stream can be stopped half-way, and only money and tokens per minute are held by the slice. */
function isSliced(ctx: RequestContext, request: ChatRequest, model: Model, bounds: ChargeBounds): boolean {
  const { snapshot, principal } = ctx;
  if (snapshot.quota.reservation.mode !== 'sliced' || !request.stream) return false;
  // Who bills the whole answer of a caller that left must find it reserved.
  return (
    bounds.outputTokens > FIRST_SLICE &&
    allowedTargets(model, ctx.principal).every(({ provider }) => provider.onDisconnect !== 'reserved') &&
    (principal.budgets.length > 0 || principal.limits.tokensPerMinute !== undefined)
  );
}

/** Upper bounds of what a request can use. */
export function boundsOf(ctx: RequestContext, request: ChatRequest, model: Model): ChargeBounds {
  const { strict, defaultMaxTokens } = ctx.snapshot.quota.reservation;
  const perChoice = ctx.outputCap ?? Math.min(defaultMaxTokens, model.maxOutputTokens ?? Infinity);
  return { promptTokens: promptUpperBound(promptSize(request), strict), outputTokens: perChoice * request.choices };
}

/**
 * The worst case on the dearest target that may serve the request, nano-USD; 0 where a target has no price.
 * @throws GatewayError unpriced_model where a budget would have to hold it
 */
export function worstPrice(ctx: RequestContext, model: Model, { promptTokens, outputTokens }: ChargeBounds): number {
  const cost = worstCaseCost(allowedTargets(model, ctx.principal), promptTokens, outputTokens);
  if (cost !== undefined) return cost;
  if (ctx.principal.budgets.length > 0) throw new GatewayError('unpriced_model', { param: 'model' });
  return 0;
}
