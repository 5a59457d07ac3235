import { type AttemptRecord, type Charge, type RequestContext, type RequestEnd } from '../kernel/request-context.js';
import { type FlightAttempt, type FlightRecord } from './flight-record.js';
import { stagesOf } from './request-stages.js';

/** Numbers and texts of one request: what `put` writes, in the order in which `get` reads. */
const NUMBERS = 18;
const TEXTS = 17;

/**
 * Ended requests in tables that are made once: so many records as objects would outlive the collections of the young
 * generation, each request's anew, and be copied twice by them, which cost more than all else that is done with a record.
 * Of a request's attempts the first stands in the tables, and the few others beside them.
 */
export class FlightRing {
  readonly #numbers: Float64Array;
  readonly #texts: (string | undefined)[];
  readonly #others: (readonly FlightAttempt[])[];
  #put = 0;

  /** @param capacity how many are remembered */
  constructor(readonly capacity: number) {
    this.#numbers = new Float64Array(capacity * NUMBERS);
    this.#texts = new Array<string | undefined>(capacity * TEXTS).fill(undefined);
    this.#others = new Array<readonly FlightAttempt[]>(capacity).fill(NONE);
  }

  /** How many are remembered now. */
  get size(): number {
    return Math.min(this.#put, this.capacity);
  }

  /** Takes an ended request in, in place of the oldest where the ring is full. */
  put(ctx: RequestContext): void {
    const place = this.#put++ % this.capacity;
    const { attempts, receivedAt } = ctx;
    this.#putNumbers(place * NUMBERS, ctx, attempts[0]);
    this.#putTexts(place * TEXTS, ctx, attempts[0]);
    this.#others[place] = attempts.length > 1 ? attempts.slice(1).map((each) => attemptOf(each, receivedAt)) : NONE;
  }

  /** The request that came so many before the newest, which is 0; undefined where none is remembered. */
  get(back: number): FlightRecord | undefined {
    if (back >= this.size) return undefined;
    const place = (this.#put - 1 - back) % this.capacity;
    return this.#read(place);
  }

  #putNumbers(from: number, ctx: RequestContext, attempt: AttemptRecord | undefined): void {
    const numbers = this.#numbers;
    const { charge, receivedAt, endedAt } = ctx;
    const { receive, guard, quota, route, queue, upstream, send } = stagesOf(ctx, endedAt);
    let at = from;
    numbers[at++] = ctx.endedWall;
    numbers[at++] = ctx.status;
    numbers[at++] = endedAt - receivedAt;
    numbers[at++] = since(receivedAt, ctx.firstContentAt);
    numbers[at++] = receive;
    numbers[at++] = guard;
    numbers[at++] = quota;
    numbers[at++] = route;
    numbers[at++] = queue;
    numbers[at++] = upstream;
    numbers[at++] = send;
    numbers[at++] = charge?.promptTokens ?? NaN;
    numbers[at++] = charge?.completionTokens ?? NaN;
    numbers[at++] = charge?.costNanoUsd ?? NaN;
    numbers[at++] = attempt?.status ?? NaN;
    numbers[at++] = since(receivedAt, attempt?.startedAt);
    numbers[at++] = since(receivedAt, attempt?.firstContentAt);
    numbers[at] = since(receivedAt, attempt?.endedAt);
  }

  #putTexts(from: number, ctx: RequestContext, attempt: AttemptRecord | undefined): void {
    const texts = this.#texts;
    const { principal } = ctx;
    let at = from;
    texts[at++] = ctx.requestId;
    texts[at++] = ctx.id;
    texts[at++] = principal.keyId;
    texts[at++] = principal.org;
    texts[at++] = ctx.model?.name;
    texts[at++] = ctx.request?.stream === true ? STREAM : undefined;
    texts[at++] = ctx.priority;
    texts[at++] = ctx.code;
    texts[at++] = ctx.chaos;
    texts[at++] = ctx.end;
    texts[at++] = ctx.cut;
    texts[at++] = ctx.charge?.usageSource;
    texts[at++] = attempt?.target.provider.name;
    texts[at++] = attempt?.target.model;
    texts[at++] = attempt?.kind;
    texts[at++] = attempt?.outcome;
    texts[at] = attempt?.reason;
  }

  #read(place: number): FlightRecord {
    const numbers = this.#numbers.subarray(place * NUMBERS, (place + 1) * NUMBERS);
    const texts = this.#texts.slice(place * TEXTS, (place + 1) * TEXTS);
    const [endedAt = 0, status = 0, durationMs = 0, firstContentMs, receive = 0, guard = 0, quota = 0, route = 0] =
      numbers;
    const [queue = 0, upstream = 0, send = 0] = numbers.subarray(8);
    const [requestId = '', gatewayId = '', keyId = '', org = '', model, stream, priority, code, chaos, end, cut] =
      texts;
    return {
      requestId,
      gatewayId,
      endedAt,
      keyId,
      org,
      model,
      stream: stream === STREAM,
      priority: priority as RequestContext['priority'],
      status,
      code,
      chaos,
      end: end as RequestEnd,
      cut: cut as RequestContext['cut'],
      charge: chargeIn(numbers, texts),
      stagesMs: { receive, guard, quota, route, queue, upstream, send },
      firstContentMs: known(firstContentMs),
      durationMs,
      attempts: [...firstAttemptIn(numbers, texts), ...(this.#others[place] ?? NONE)],
    };
  }
}

const NONE: readonly FlightAttempt[] = [];
const STREAM = 'stream';

function chargeIn(numbers: Float64Array, texts: readonly (string | undefined)[]): Charge | undefined {
  const [promptTokens = 0, completionTokens = 0, costNanoUsd = 0] = numbers.subarray(11);
  const usageSource = texts[11] as Charge['usageSource'] | undefined;
  return usageSource && { promptTokens, completionTokens, costNanoUsd, usageSource };
}

function firstAttemptIn(numbers: Float64Array, texts: readonly (string | undefined)[]): readonly FlightAttempt[] {
  const [status, startMs = 0, firstContentMs, endMs] = numbers.subarray(14);
  const [provider, upstreamModel = '', kind, outcome, reason] = texts.slice(12);
  if (provider === undefined) return NONE;
  return [
    {
      provider,
      upstreamModel,
      kind: kind as AttemptRecord['kind'],
      outcome: outcome as AttemptRecord['outcome'],
      reason: reason as AttemptRecord['reason'],
      status: known(status),
      startMs,
      firstContentMs: known(firstContentMs),
      endMs: known(endMs),
    },
  ];
}

function attemptOf(attempt: AttemptRecord, receivedAt: number): FlightAttempt {
  const { target, kind, outcome, reason, status, startedAt, firstContentAt, endedAt } = attempt;
  return {
    provider: target.provider.name,
    upstreamModel: target.model,
    kind,
    outcome,
    reason,
    status,
    startMs: startedAt - receivedAt,
    firstContentMs: known(since(receivedAt, firstContentAt)),
    endMs: known(since(receivedAt, endedAt)),
  };
}

/** NaN stands for what did not happen. */
function since(origin: number, at: number | undefined): number {
  return at === undefined ? NaN : at - origin;
}

function known(number: number | undefined): number | undefined {
  return number === undefined || Number.isNaN(number) ? undefined : number;
}
