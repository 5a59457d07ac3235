import { Injectable } from '@nestjs/common';
import { formatNanoUsd } from '../kernel/money-format.js';
import { type RequestContext } from '../kernel/request-context.js';
import { type Principal, type Target } from '../kernel/snapshot.js';
import { EndedFacts } from './ended-facts.js';
import { ProcessLogger } from './logger.js';

/** One line per chat request, written at its end: the ledger. */
@Injectable()
export class AccessLog {
  constructor(logger: ProcessLogger, facts: EndedFacts) {
    facts.onRequest((ctx) => {
      logger.writeLine(ledgerLine(ctx));
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
  const { charge, answeredBy, firstContentAt } = ctx;
  const facts = answeredBy?.facts;
  const ttftMs = firstContentAt === undefined ? 'null' : rounded(firstContentAt - ctx.receivedAt);
  return (
    `${opening(ctx.endedWall)}${ctx.requestId}","gatewayId":"${ctx.id}",${ofPrincipal(ctx.principal)}` +
    `${ofTarget(ctx)}"upstreamModel":${text(facts?.model)},"finishReason":${text(facts?.finishReason)},${ending(ctx)}` +
    `"promptTokens":${charge?.promptTokens ?? 0},"completionTokens":${charge?.completionTokens ?? 0},` +
    `"usageSource":"${charge?.usageSource ?? 'none'}","costUsd":"${formatNanoUsd(charge?.costNanoUsd ?? 0)}",` +
    `"queuedMs":${rounded(ctx.queuedMs)},"ttftMs":${ttftMs},"durationMs":${rounded(ctx.endedAt - ctx.receivedAt)}}`
  );
}

/** How nearly all requests end. */
const USUAL =
  '"stream":false,"attempts":1,"continued":0,"status":200,"end":"completed","code":null,"cut":null,"chaos":null,';

function ending(ctx: RequestContext): string {
  const { attempts, chaos, code, continued, cut, end, status } = ctx;
  const stream = ctx.request?.stream === true;
  const isUsual =
    end === 'completed' &&
    !stream &&
    attempts.length === 1 &&
    status === 200 &&
    code === undefined &&
    continued.length === 0 &&
    cut === undefined &&
    chaos === undefined;
  if (isUsual) return USUAL;
  return (
    `"stream":${stream},"attempts":${attempts.length},"continued":${continued.length},"status":${status},` +
    `"end":"${end}","code":${text(code)},"cut":${text(cut)},"chaos":${text(chaos)},`
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

const targets = new WeakMap<Target, string>();

/** A target belongs to one model. */
function ofTarget({ answeredBy, model }: RequestContext): string {
  const target = answeredBy?.target;
  const known = target && targets.get(target);
  if (known !== undefined) return known;
  const members = `"model":${text(model?.name)},"provider":${text(target?.provider.name)},`;
  if (target) targets.set(target, members);
  return members;
}

let lastWall = -1;
let lastOpening = '';

/** The line up to its request's id: the same within a millisecond. */
function opening(wall: number): string {
  if (wall !== lastWall) {
    lastWall = wall;
    lastOpening = `{"level":"info","time":"${new Date(wall).toISOString()}","msg":"request","requestId":"`;
  }
  return lastOpening;
}

const HUNDREDTHS = 100;

/** To hundredths. As whole numbers: V8 takes ten times as long to write a fraction. */
function rounded(ms: number): string {
  const hundredths = Math.round(ms * HUNDREDTHS);
  const whole = Math.floor(hundredths / HUNDREDTHS);
  const rest = hundredths - whole * HUNDREDTHS;
  if (rest === 0) return String(whole);
  return rest < 10 ? `${whole}.0${rest}` : `${whole}.${rest}`;
}
