import { Injectable } from '@nestjs/common';
import { type RequestContext } from '../kernel/request-context.js';
import { type Answer } from '../kernel/upstream.js';
import { AttemptRunner } from '../resilience/attempt-runner.js';
import { Router, type TargetView } from '../routing/router.js';
import { outputCap } from './output-cap.js';

const EVERYTHING_USABLE: TargetView = { weightFactor: () => 1 };

/** Serves one admitted request: which targets, in which order, and the first of them that answers. */
@Injectable()
export class ChatService {
  constructor(
    private readonly router: Router,
    private readonly runner: AttemptRunner,
  ) {}

  /** @throws GatewayError when no target gave an answer */
  complete(ctx: RequestContext): Promise<Answer> {
    const { model, request } = ctx;
    if (!model || !request) throw new Error('the guards have not run');
    const plan = this.router.plan(model, ctx.principal, ctx, EVERYTHING_USABLE);
    return this.runner.run(ctx, request, plan, outputCap(request, model, ctx.principal));
  }
}
