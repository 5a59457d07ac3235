import { Injectable } from '@nestjs/common';
import { wholeAnswer } from '../kernel/batch-reading.js';
import { guardrailHits } from '../kernel/channels.js';
import { type RequestContext } from '../kernel/request-context.js';
import { type OutputLimits } from '../kernel/snapshot.js';
import { type Answer, type BatchReader, type EventBatch, UpstreamFailure } from '../kernel/upstream.js';
import { filterAnswer } from './answer-filter.js';
import { ChunkFilter } from './chunk-filter.js';
import { outputLimitsFor } from './output-limits.js';
import { type ReportHit } from './rule.js';
import { RuleSets } from './rule-sets.js';

/** Puts the output's rules and limits around an answer; without any, the answer is given back untouched. */
@Injectable()
export class OutputGuard {
  constructor(private readonly rules: RuleSets) {}

  guard(ctx: RequestContext, answer: Answer): Answer {
    const { output } = this.rules.of(ctx.snapshot);
    const limits = limitsOf(ctx);
    if (output.length === 0 && limits.maxCharacters === undefined && limits.maxTokens === undefined) return answer;
    const report: ReportHit = (hit) => {
      guardrailHits.publish({ ctx, ...hit });
    };
    const { json } = answer.first;
    if (json) return wholeAnswer({ payloads: [], json: filterAnswer(json, output, limits, report) });
    return new GuardedStream(ctx, answer, new ChunkFilter(output, limits, ctx.request?.choices ?? 1, report));
  }
}

function limitsOf({ snapshot, model, principal }: RequestContext): OutputLimits {
  const none: OutputLimits = { maxCharacters: undefined, maxTokens: undefined };
  return outputLimitsFor(snapshot.guardrails.output, model?.output ?? none, principal.limits);
}

/** A stream behind a filter: what the filter holds back waits, and what it ends is ended upstream, too. */
class GuardedStream implements Answer, BatchReader {
  readonly first: EventBatch;
  #ended = false;
  #reader: BatchReader | undefined;

  constructor(
    private readonly ctx: RequestContext,
    private readonly answer: Answer,
    private readonly filter: ChunkFilter,
  ) {
    this.first = this.#filtered(answer.first);
  }

  read(reader: BatchReader): void {
    this.#reader = reader;
    this.#readOn();
  }

  batch(batch: EventBatch): void {
    const filtered = this.#filtered(batch);
    if (filtered.payloads.length > 0) this.#reader?.batch(filtered);
    else this.#readOn();
  }

  end(failure: Error | undefined): void {
    const rest: string[] = [];
    if (!failure) {
      this.#ended = true;
      this.filter.finish(rest);
    }
    if (rest.length > 0) this.#reader?.batch({ payloads: rest, json: undefined });
    else this.#reader?.end(failure);
  }

  #readOn(): void {
    if (this.#ended) this.#reader?.end(undefined);
    else this.answer.read(this);
  }

  #filtered({ payloads }: EventBatch): EventBatch {
    const out: string[] = [];
    for (const payload of payloads) this.filter.push(payload, out);
    if (this.filter.done && !this.#ended) {
      this.#ended = true;
      this.ctx.abort(new UpstreamFailure('ignored', 'cancelled', 'never'));
    }
    return { payloads: out, json: undefined };
  }
}
