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
      this.logger.writeLine(ledgerLine(ctx, this.clock));
    });
  }

  onModuleDestroy(): void {
    this.#unsubscribe?.();
  }
}

/**
 * The line, serialised by hand: it is written for every request, and a logger's machinery costs more than its text.
 * Never the prompt, the completion or a key's text. Times are ms.
 */
export function ledgerLine(ctx: RequestContext, clock: Clock): string {
  const { charge, answeredBy, request, firstContentAt, principal } = ctx;
  const facts = answeredBy?.facts;
  const ttftMs = firstContentAt === undefined ? null : round(firstContentAt - ctx.receivedAt);
  return (
    `{"level":"info","time":"${isoTime(clock.wall())}","msg":"request","requestId":"${ctx.requestId}",` +
    `"gatewayId":"${ctx.id}","keyId":"${principal.keyId}","org":"${principal.org}",` +
    `"model":${text(ctx.model?.name)},"provider":${text(answeredBy?.target.provider.name)},` +
    `"upstreamModel":${text(facts?.model)},"stream":${request?.stream === true},"attempts":${ctx.attempts.length},` +
    `"status":${ctx.status},"end":"${ctx.end}","code":${text(ctx.code)},"finishReason":${text(facts?.finishReason)},` +
    `"cut":${text(ctx.cut)},"chaos":${text(ctx.chaos)},` +
    `"promptTokens":${charge?.promptTokens ?? 0},"completionTokens":${charge?.completionTokens ?? 0},` +
    `"usageSource":"${charge?.usageSource ?? 'none'}","costUsd":"${formatNanoUsd(charge?.costNanoUsd ?? 0)}",` +
    `"queuedMs":${round(ctx.queuedMs)},"ttftMs":${ttftMs},"durationMs":${round(clock.now() - ctx.receivedAt)}}`
  );
}

/** Names from the file and from upstreams may hold anything; ids are of safe characters by their schema. */
function text(value: string | undefined): string {
  return value === undefined ? 'null' : JSON.stringify(value);
}

let lastWall = -1;
let lastIso = '';

function isoTime(wall: number): string {
  if (wall !== lastWall) {
    lastWall = wall;
    lastIso = new Date(wall).toISOString();
  }
  return lastIso;
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
