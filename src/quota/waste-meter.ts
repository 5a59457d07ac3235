import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { type AttemptFact, attemptEnded, attemptWasted } from '../kernel/channels.js';
import { AnswerFacts, type FailureReason } from '../kernel/upstream.js';
import { actualCost, priceOf } from './cost.js';
import { boundsOf } from './quota.guard.js';
import { estimateUsage, isCredible } from './token-estimate.js';

/** The upstream had the request and was let go while it worked on it: it has read the prompt at least. */
const WORKED_ON: ReadonlySet<FailureReason> = new Set<FailureReason>([
  'first_token_timeout',
  'response_timeout',
  'deadline',
  'cancelled',
]);

/**
 * Tells what attempts cost whose answer nobody got: no key is charged for them, the upstream's bill may hold them.
 * Estimated from what was sent and received, or as the upstream reported it; a refused request costs nothing.
 */
@Injectable()
export class WasteMeter implements OnModuleInit, OnModuleDestroy {
  #unsubscribe = (): void => undefined;

  onModuleInit(): void {
    this.#unsubscribe = attemptEnded.subscribe((fact) => {
      if (fact.attempt.outcome !== 'success') tellWaste(fact);
    });
  }

  onModuleDestroy(): void {
    this.#unsubscribe();
  }
}

function tellWaste({ ctx, attempt }: AttemptFact): void {
  const { facts, reason, target } = attempt;
  if (ctx.answeredBy === attempt || !ctx.request || !ctx.model) return;
  if (!facts && (reason === undefined || !WORKED_ON.has(reason))) return;
  const { promptTokens, outputTokens } = boundsOf(ctx, ctx.request, ctx.model);
  const reported = facts?.usage;
  const usage =
    reported && isCredible(reported, promptTokens, outputTokens)
      ? reported
      : estimateUsage(ctx.request, facts ?? new AnswerFacts(), target.provider.tokenizer);
  const price = priceOf(target);
  attemptWasted.publish({
    tokens: usage.promptTokens + usage.completionTokens,
    nanoUsd: price ? actualCost(price, usage) : 0,
  });
}
