import { Injectable } from '@nestjs/common';
import { OutputGuard } from '../guardrails/output-guard.js';
import { type RequestContext } from '../kernel/request-context.js';
import { type Answer } from '../kernel/upstream.js';
import { reservedStream } from '../quota/reserved-stream.js';
import { AttemptRunner } from '../resilience/attempt-runner.js';
import { Overrides } from '../resilience/overrides.js';
import { TargetStates } from '../resilience/target-states.js';
import { Router, type TargetView } from '../routing/router.js';

/** Rough, for comparing prompts with each other. */
const BYTES_PER_TOKEN = 4;

/** Serves one admitted request: which targets, in which order, and the first of them that answers. */
@Injectable()
export class ChatService {
  readonly #view: TargetView;

  constructor(
    private readonly router: Router,
    private readonly runner: AttemptRunner,
    private readonly output: OutputGuard,
    states: TargetStates,
    overrides: Overrides,
  ) {
    this.#view = {
      weightFactor: (target) => states.of(target).weightFactor * overrides.weightFactor(target),
      admitted: (targets) => overrides.admitted(targets),
    };
  }

  /** @throws GatewayError when no target gave an answer */
  async complete(ctx: RequestContext): Promise<Answer> {
    const { model, request } = ctx;
    if (!model || !request) throw new Error('the guards have not run');
    const plan = this.router.plan(model, ctx.principal, ctx, this.#view);
    const promptTokens = Math.ceil(request.document.bytes.length / BYTES_PER_TOKEN);
    const answer = await this.runner.run(ctx, request, {
      plan,
      maxTokens: ctx.outputCap,
      promptTokens,
    });
    return this.output.guard(ctx, reservedStream(ctx, answer));
  }
}
