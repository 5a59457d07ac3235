import { AnswerHeaders } from './answer-headers.js';
import { type ErrorCode } from './gateway-error.js';
import { type ChatRequest } from './openai.js';
import { type Reservation } from './reservation.js';
import { type Model, type Principal, type Priority, type Snapshot, type Target } from './snapshot.js';
import { type AnswerFacts, type AttemptOutcome, type FailureReason, type UpstreamFailure } from './upstream.js';

/** One try at one target, as the log, metrics and flight recorder tell it. */
export interface AttemptRecord {
  readonly target: Target;
  /** Monotonic ms. */
  readonly startedAt: number;
  kind: 'first' | 'retry' | 'failover' | 'hedge' | 'resume';
  firstContentAt: number | undefined;
  endedAt: number | undefined;
  outcome: AttemptOutcome | undefined;
  reason: FailureReason | undefined;
  /** The upstream's HTTP status. */
  status: number | undefined;
  facts: AnswerFacts | undefined;
  /** Chaos experiments that spoil it, `<id>:<fault>`, separated by commas. */
  chaos: string | undefined;
}

/** How a request ended, from the caller's point of view. */
export type RequestEnd = 'completed' | 'refused' | 'failed' | 'broken' | 'cancelled';

/** What is charged for a request, and how it is known. */
export interface Charge {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly costNanoUsd: number;
  readonly usageSource: 'reported' | 'estimated' | 'none';
}

/**
 * All state of one request: opened before the body is read, passed as the first argument everywhere,
 * closed once when the connection has taken or lost the answer.
 */
export class RequestContext {
  /** What `X-Provider-Priority` asks for, in order. */
  pins: readonly string[] = [];
  noFailover = false;
  /** Importance under load: the key's, or what the caller lowered it to. */
  priority: Priority = 'default';
  /** Longest answer while the process is short of room, tokens; undefined where it is not, or may not be shortened. */
  degradedMaxTokens: number | undefined;
  /** Set once the body was read and parsed. */
  request: ChatRequest | undefined;
  /** Set once the key was found to be allowed it. */
  model: Model | undefined;
  /** The output cap to write upstream, tokens per choice; undefined leaves the caller's own members alone. */
  outputCap: number | undefined;
  /** Output that was reserved for this request, tokens of all choices; undefined where nothing limits it. */
  reservedOutputTokens: number | undefined;
  /** What the quota store holds for it, to be renewed while the request runs; undefined where nothing limits it. */
  reservation: Reservation | undefined;
  /** Why the gateway ended an answer that looks complete to the caller. */
  cut: 'reservation_spent' | undefined;
  /** The caller's `X-Chaos`, unchecked; read only while an experiment asks for it. */
  chaosToken: string | undefined;
  /** Chaos experiments that had a hand in this request, `<id>:<fault>`, separated by commas. */
  chaos: string | undefined;
  readonly attempts: AttemptRecord[] = [];
  /** The attempt whose answer the caller gets. */
  answeredBy: AttemptRecord | undefined;
  /** Attempts that gave the caller the beginning of its answer and broke, before the one that went on with it. */
  readonly continued: AttemptRecord[] = [];
  /** The HTTP status that the caller saw; 0 until headers are sent, 499 where it left before. */
  status = 0;
  code: ErrorCode | undefined;
  end: RequestEnd = 'cancelled';
  charge: Charge | undefined;
  /** Monotonic ms of the first content handed to the caller's socket. */
  firstContentAt: number | undefined;
  /** Monotonic ms of the end, and the wall clock's, ms since the epoch; 0 until then. */
  endedAt = 0;
  endedWall = 0;
  /** Time spent waiting for admission, ms. */
  queuedMs = 0;
  /** Monotonic ms: a valid body was read, its content was checked, its quota was reserved; undefined where it did not get so far. */
  readAt: number | undefined;
  checkedAt: number | undefined;
  reservedAt: number | undefined;
  readonly answerHeaders = new AnswerHeaders();

  #abort: ((failure: UpstreamFailure) => void) | undefined;
  #linger: (() => void) | undefined;
  #closed = false;
  #released = false;
  readonly #releases: (() => void)[] = [];

  constructor(
    /** ULID of the gateway's own: names the reservation, never taken from the caller. */
    readonly id: string,
    /** What the caller and the upstream see as X-Request-ID. */
    readonly requestId: string,
    /** Monotonic ms of the request's arrival. */
    readonly receivedAt: number,
    /** Monotonic ms after which nothing is worth doing for this request. */
    readonly deadline: number,
    readonly snapshot: Snapshot,
    readonly principal: Principal,
    /** The valid W3C traceparent of the caller; while requests are traced, that of the span that is under way. */
    public traceparent: string | undefined,
  ) {}

  /** The connection has taken or lost the answer: nobody waits for this request any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Closed, and no upstream is read on: everything was given back. */
  get released(): boolean {
    return this.#released;
  }

  /** Ends whatever runs upstream for this request, with a reason. */
  abort(failure: UpstreamFailure): void {
    this.#abort?.(failure);
  }

  /** Told by the layer that runs something upstream: how to end it. The last one told counts. */
  abortBy(abort: (failure: UpstreamFailure) => void): void {
    this.#abort = abort;
  }

  /** Whether an upstream is to be read on after the caller has left. */
  get lingers(): boolean {
    return this.#linger !== undefined;
  }

  /** `linger` is called when the caller leaves, and everything is then released by `endLinger`. */
  lingerBy(linger: () => void): void {
    this.#linger = linger;
  }

  /**
   * Registers the release of something taken for this request. Releases run once, last taken first,
   * when the request closes; on a released request `release` runs at once. They must not throw.
   */
  onClose(release: () => void): void {
    if (this.#released) release();
    else this.#releases.push(release);
  }

  /** Notes an experiment that has a hand in this request: its answer, its metrics and its log line name it. */
  touchedBy(experiment: string): void {
    if (this.chaos?.split(',').includes(experiment)) return;
    this.chaos = this.chaos === undefined ? experiment : `${this.chaos},${experiment}`;
    this.answerHeaders.set('x-gateway-chaos', this.chaos);
  }

  /** Runs every release, at once or when no upstream is read on any more. Later calls do nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#linger) this.#linger();
    else this.#release();
  }

  /** The upstream need not be read on. */
  endLinger(): void {
    this.#linger = undefined;
    if (this.#closed) this.#release();
  }

  #release(): void {
    if (this.#released) return;
    this.#released = true;
    for (let release = this.#releases.pop(); release; release = this.#releases.pop()) release();
  }
}
