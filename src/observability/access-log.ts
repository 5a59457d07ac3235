import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { requestEnded } from '../kernel/channels.js';
import { type Clock } from '../kernel/clock.js';
import { formatNanoUsd } from '../kernel/money-format.js';
import { type RequestContext } from '../kernel/request-context.js';
import { CLOCK } from '../kernel/tokens.js';
import { ProcessLogger } from './logger.js';

/** One line per chat request, written at its end: the ledger. */
@Injectable()
export class AccessLog implements OnModuleInit, OnModuleDestroy {
  #unsubscribe: (() => void) | undefined;

  constructor(
    private readonly logger: ProcessLogger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.#unsubscribe = requestEnded.subscribe((ctx) => {
      this.logger.writeLine(JSON.stringify(ledgerLine(ctx, this.clock)));
    });
  }

  onModuleDestroy(): void {
    this.#unsubscribe?.();
  }
}

/** Never the prompt, the completion or a key's text. Times are ms. */
export function ledgerLine(ctx: RequestContext, clock: Clock): Record<string, unknown> {
  const now = clock.now();
  const { charge, answeredBy, request, firstContentAt } = ctx;
  return {
    level: 'info',
    time: new Date(clock.wall()).toISOString(),
    msg: 'request',
    requestId: ctx.requestId,
    gatewayId: ctx.id,
    keyId: ctx.principal.keyId,
    org: ctx.principal.org,
    model: ctx.model?.name ?? null,
    provider: answeredBy?.target.provider.name ?? null,
    upstreamModel: answeredBy?.facts?.model ?? null,
    stream: request?.stream ?? false,
    attempts: ctx.attempts.length,
    status: ctx.status,
    end: ctx.end,
    code: ctx.code ?? null,
    finishReason: answeredBy?.facts?.finishReason ?? null,
    promptTokens: charge?.promptTokens ?? 0,
    completionTokens: charge?.completionTokens ?? 0,
    usageSource: charge?.usageSource ?? 'none',
    costUsd: formatNanoUsd(charge?.costNanoUsd ?? 0),
    queuedMs: round(ctx.queuedMs),
    ttftMs: firstContentAt === undefined ? null : round(firstContentAt - ctx.receivedAt),
    durationMs: round(now - ctx.receivedAt),
  };
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
