import { Injectable } from '@nestjs/common';
import { formatNanoUsd } from '../kernel/money-format.js';
import { type RequestContext } from '../kernel/request-context.js';
import { type Principal } from '../kernel/snapshot.js';
import { EndedFacts } from './ended-facts.js';
import { ProcessLogger } from './logger.js';

/** One line per chat request, written at its end: the ledger. */
@Injectable()
export class AccessLog {
  constructor(logger: ProcessLogger, facts: EndedFacts) {
    facts.onRequest((ctx) => {
      logger.writeLine(flat(ledgerLine(ctx)));
    });
    logger.beforeClose(() => {
      facts.flush();
    });
  }
}

/**
 * The line, serialised by hand: it is written for every request, and a logger's machinery costs more than its text.
 * Never the prompt, the completion or a key's text. Times are ms.
 */
export function ledgerLine(ctx: RequestContext): string {
  const { charge, answeredBy, request, firstContentAt, principal } = ctx;
  const facts = answeredBy?.facts;
  const ttftMs = firstContentAt === undefined ? null : round(firstContentAt - ctx.receivedAt);
  return (
    `{"level":"info","time":"${isoTime(ctx.endedWall)}","msg":"request","requestId":"${ctx.requestId}",` +
    `"gatewayId":"${ctx.id}",${ofPrincipal(principal)}` +
    `"model":${text(ctx.model?.name)},"provider":${text(answeredBy?.target.provider.name)},` +
    `"upstreamModel":${text(facts?.model)},"stream":${request?.stream === true},"attempts":${ctx.attempts.length},"continued":${ctx.continued.length},` +
    `"status":${ctx.status},"end":"${ctx.end}","code":${text(ctx.code)},"finishReason":${text(facts?.finishReason)},` +
    `"cut":${text(ctx.cut)},"chaos":${text(ctx.chaos)},` +
    `"promptTokens":${charge?.promptTokens ?? 0},"completionTokens":${charge?.completionTokens ?? 0},` +
    `"usageSource":"${charge?.usageSource ?? 'none'}","costUsd":"${formatNanoUsd(charge?.costNanoUsd ?? 0)}",` +
    `"queuedMs":${round(ctx.queuedMs)},"ttftMs":${ttftMs},"durationMs":${round(ctx.endedAt - ctx.receivedAt)}}`
  );
}

/** Longer than any honest name or reason: what upstreams say must not push other lines out of the log. */
const MAX_TEXT = 256;

/** Names from the file and from upstreams may hold anything; ids are of safe characters by their schema. */
function text(value: string | undefined): string {
  if (value === undefined) return 'null';
  return value.length <= MAX_TEXT && PLAIN.test(value) ? `"${value}"` : JSON.stringify(value.slice(0, MAX_TEXT));
}

/** Nothing that JSON writes in another way. */
const PLAIN = /^[ !#-[\]-~]*$/;

const principals = new WeakMap<Principal, string>();

function ofPrincipal(principal: Principal): string {
  let members = principals.get(principal);
  if (members === undefined) {
    members = `"keyId":"${principal.keyId}","org":"${principal.org}",`;
    principals.set(principal, members);
  }
  return members;
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

/**
 * The same text in one piece. V8 keeps what was put together as a tree of its parts until somebody reads it; here the parts
 * are still in the processor's caches, and when hundreds of lines are written at once they no longer are.
 */
function flat(line: string): string {
  line.charCodeAt(0);
  return line;
}
