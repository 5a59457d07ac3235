import { Injectable } from '@nestjs/common';
import { OutputGuard } from '../guardrails/output-guard.js';
import { type RequestContext } from '../kernel/request-context.js';
import { type Target } from '../kernel/snapshot.js';
import { type Answer } from '../kernel/upstream.js';
import { worstCaseCost } from '../quota/cost.js';
import { reservedStream } from '../quota/reserved-stream.js';
import { AttemptRunner } from '../resilience/attempt-runner.js';
import { Overrides } from '../resilience/overrides.js';
import { TargetStates } from '../resilience/target-states.js';
import { Router, type TargetOrder, type TargetView } from '../routing/router.js';

/** Rough, for comparing prompts with each other. */
const BYTES_PER_TOKEN = 4;
/** For comparing the prices of targets where nobody bounds the answer: what a chat's answer is like. */
const ASSUMED_OUTPUT_TOKENS = 512;
const BY_WEIGHT: TargetOrder = { by: 'weight' };

/** Serves one admitted request: which targets, in which order, and the first of them that answers. */
@Injectable()
export class ChatService {
  readonly #view: TargetView;
  readonly #byLatency: TargetOrder;

  constructor(
    private readonly router: Router,
    private readonly runner: AttemptRunner,
    private readonly output: OutputGuard,
    states: TargetStates,
    overrides: Overrides,
  ) {
    this.#view = {
      weightFactor: (target) => states.of(target).weightFactor * overrides.weightFactor(target),
      probeDue: (target) => states.of(target).probeDue && overrides.weightFactor(target) > 0,
      admitted: (targets) => overrides.admitted(targets),
    };
    const cost = (target: Target): number => {
      const { latency, limiter } = states.of(target);
      return latency.cost(limiter.inFlight);
    };
    this.#byLatency = { by: 'latency', cost };
  }

  /** @throws GatewayError when no target gave an answer */
  async complete(ctx: RequestContext): Promise<Answer> {
    const { model, request } = ctx;
    if (!model || !request) throw new Error('the guards have not run');
    const promptTokens = Math.ceil(request.document.bytes.length / BYTES_PER_TOKEN);
    const order = this.#order(ctx, promptTokens);
    const plan = this.router.plan(model, ctx.principal, ctx, this.#view, order);
    const answer = await this.runner.run(ctx, request, {
      plan,
      maxTokens: ctx.outputCap,
      promptTokens,
    });
    return this.output.guard(ctx, reservedStream(ctx, answer));
  }

  #order({ snapshot, request, outputCap }: RequestContext, promptTokens: number): TargetOrder {
    switch (snapshot.routing.strategy) {
      case 'weighted':
        return BY_WEIGHT;
      case 'leastLatency':
        return this.#byLatency;
      case 'leastCost': {
        const outputTokens = outputCap ?? request?.maxTokens ?? ASSUMED_OUTPUT_TOKENS;
        const price = (target: Target): number => worstCaseCost([target], promptTokens, outputTokens) ?? Infinity;
        return { by: 'price', price };
      }
    }
  }
}
