import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { contextOf, requestOf } from '../http/context-slot.js';
import { type Clock } from '../kernel/clock.js';
import { CLOCK } from '../kernel/tokens.js';
import { findModel } from './model-access.js';
import { parseNoFailover, parseProviderPriority } from './provider-priority.js';

/** May this key use this model and these providers. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(@Inject(CLOCK) private readonly clock: Clock) {}

  /** @throws GatewayError model_not_found, unknown_provider */
  canActivate(execution: ExecutionContext): boolean {
    const request = requestOf(execution);
    const ctx = contextOf(request);
    ctx.readAt = this.clock.now();
    ctx.model = findModel(ctx.snapshot, ctx.principal, ctx.request?.model ?? '');
    const { headers } = request.raw;
    const priority = headers['x-provider-priority'];
    ctx.pins = parseProviderPriority(
      Array.isArray(priority) ? priority.join(',') : priority,
      ctx.snapshot,
      ctx.principal,
    );
    ctx.noFailover = parseNoFailover(headers['x-no-failover'] as string | undefined);
    return true;
  }
}
