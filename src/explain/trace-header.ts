import { Inject, Injectable } from '@nestjs/common';
import { type Clock } from '../kernel/clock.js';
import { type AttemptRecord, type RequestContext } from '../kernel/request-context.js';
import { CLOCK } from '../kernel/tokens.js';
import { Explainer } from './explainer.js';

const NAME = 'x-gateway-trace';
/** Headers have a bound, and clients a small one. */
const MAX_CANDIDATES = 12;

/** Tells an operator in a header what became of its own request and why. */
@Injectable()
export class TraceHeader {
  constructor(
    private readonly explainer: Explainer,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** The answer to this request carries the summary, whatever the answer is: it is made when headers are written. */
  attach(ctx: RequestContext): void {
    ctx.answerHeaders.setLate(NAME, () => this.#summary(ctx));
  }

  #summary(ctx: RequestContext): string {
    const candidates = this.explainer.candidates(ctx, ctx.model?.targets ?? []).slice(0, MAX_CANDIDATES);
    const summary = {
      key: ctx.principal.keyId,
      priority: ctx.priority,
      model: ctx.model?.name ?? null,
      elapsedMs: rounded(this.clock.now() - ctx.receivedAt),
      queuedMs: rounded(ctx.queuedMs),
      attempts: ctx.attempts.map((attempt) => shown(attempt, ctx)),
      candidates: candidates.map(({ id, eligible, excludedBy, remarks }) => ({
        target: id,
        eligible,
        why: [...excludedBy, ...remarks],
      })),
    };
    return ascii(JSON.stringify(summary));
  }
}

function shown({ target, kind, outcome, reason, startedAt, endedAt }: AttemptRecord, ctx: RequestContext): object {
  return {
    target: target.id,
    kind,
    outcome: outcome ?? 'answering',
    ...(reason && { reason }),
    startMs: rounded(startedAt - ctx.receivedAt),
    ...(endedAt !== undefined && { endMs: rounded(endedAt - ctx.receivedAt) }),
  };
}

/** Names come from the file and may hold anything; a header may not. */
function ascii(json: string): string {
  return json.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
