import { Injectable } from '@nestjs/common';
import { OutputGuard } from '../guardrails/output-guard.js';
import { type RequestContext } from '../kernel/request-context.js';
import { type Answer } from '../kernel/upstream.js';
import { RoutePlanner } from '../planning/route-planner.js';
import { reservedStream } from '../quota/reserved-stream.js';
import { AttemptRunner } from '../resilience/attempt-runner.js';
import { Router } from '../routing/router.js';

/** Rough, for comparing prompts with each other. */
const BYTES_PER_TOKEN = 4;
/** Serves one admitted request: which targets, in which order, and the first of them that answers. */
@Injectable()
export class ChatService {
  constructor(
    private readonly router: Router,
    private readonly planner: RoutePlanner,
    private readonly runner: AttemptRunner,
    private readonly output: OutputGuard,
  ) {}

  /** @throws GatewayError when no target gave an answer */
  complete(ctx: RequestContext): Promise<Answer> {
    const { model, request } = ctx;
    if (!model || !request) throw new Error('the guards have not run');
    const promptTokens = Math.ceil(request.document.size / BYTES_PER_TOKEN);
    const plan = this.planner.plan(this.router, ctx, model, promptTokens);
    return this.runner.run(ctx, request, { plan, maxTokens: ctx.outputCap, promptTokens });
  }

  /** The answer as its caller may have it: no longer than what was reserved, and as the output's rules want it. */
  guarded(ctx: RequestContext, answer: Answer): Answer {
    return this.output.guard(ctx, reservedStream(ctx, answer));
  }
}
