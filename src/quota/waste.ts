import { type AttemptRecord, type RequestContext } from '../kernel/request-context.js';
import { type FailureReason, AnswerFacts } from '../kernel/upstream.js';
import { actualCost, priceOf } from './cost.js';
import { estimateUsage, isCredible } from './token-estimate.js';

/** Attempts that an upstream worked on although no content came: it has read the prompt. */
const PROMPT_READ: ReadonlySet<FailureReason | undefined> = new Set(['cancelled', 'first_token_timeout']);

/** Upper bounds that a request was admitted with, tokens. */
interface Bounds {
  readonly promptTokens: number;
  readonly outputTokens: number;
}

/** What the attempts of a request cost whose answer nobody got, nano-USD: as reported, else estimated. */
export function wasteOf(ctx: RequestContext, bounds: Bounds): number {
  let nanoUsd = 0;
  for (const attempt of ctx.attempts) {
    if (attempt !== ctx.answeredBy && !ctx.continued.includes(attempt)) nanoUsd += costOf(attempt, ctx, bounds);
  }
  return nanoUsd;
}

function costOf(attempt: AttemptRecord, { request }: RequestContext, bounds: Bounds): number {
  const price = priceOf(attempt.target);
  const facts = attempt.facts ?? (PROMPT_READ.has(attempt.reason) ? new AnswerFacts() : undefined);
  if (!price || !facts || !request) return 0;
  const { usage } = facts;
  const believed = usage && isCredible(usage, bounds.promptTokens, bounds.outputTokens);
  return actualCost(price, believed ? usage : estimateUsage(request, facts));
}
