import { asError, giveBatch, giveEnd, nextBatch } from '../kernel/batch-reading.js';
import { type Clock } from '../kernel/clock.js';
import { type ChatRequest, streamedTwin } from '../kernel/openai.js';
import { type Target } from '../kernel/snapshot.js';
import {
  type AnswerFacts,
  type BatchReader,
  type EncodeOptions,
  type EventBatch,
  type EventDecoder,
  type ProviderAdapter,
  UpstreamFailure,
} from '../kernel/upstream.js';
import { AnswerAssembly } from './answer-assembly.js';
import { asFailure, checkEncoding, tooLate, truncated } from './attempt-failure.js';
import { AttemptWatch } from './attempt-watch.js';
import { type ProviderKind } from './catalog.js';
import { type SseEvent, SseDecoder } from './sse-decoder.js';
import { type ResponseHead } from './response-head.js';
import { type UpstreamExchange } from './upstream-exchange.js';
import { type CallIdentity, upstreamHeaders } from './upstream-headers.js';

const MAX_ANSWER_BYTES = 32 * 1024 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;
/** Events without content before the commit point: an honest upstream sends one or two. */
const MAX_EMPTY_EVENTS = 1_000;
/** How long a finished stream may keep its socket before it is dropped instead of reused, ms. */
const FINISHED_LINGER_MS = 1_000;

/** Bounds of one attempt: lengths of its phases, ms, and its end. */
export interface AttemptBounds {
  /** Until the first content of a stream. */
  readonly firstTokenMs: number;
  /** Between two reads that hold events. */
  readonly idleMs: number;
  /** Until a plain answer is whole. */
  readonly answerMs: number;
  /** Of everything, monotonic ms. */
  readonly deadline: number;
}

/** One call to one target: from bytes sent to batches of events, each phase bounded. Ends once. */
export class Attempt {
  /** When the first content of an assembled answer came; undefined elsewhere, for there it is when `first` is done. */
  contentAt: number | undefined;
  /** Members of the request that the provider could not take. */
  readonly droppedParams: readonly string[];
  readonly #adapter: ProviderAdapter;
  readonly #exchange: UpstreamExchange;
  readonly #watch: AttemptWatch;
  #onEnd: ((failure: UpstreamFailure | undefined) => void) | undefined;
  /** Who waits for the next batch. */
  #reader: BatchReader | undefined;
  #decoder: EventDecoder | undefined;
  #facts: AnswerFacts | undefined;
  /** Of a stream. */
  #sse: SseDecoder | undefined;
  #failure: UpstreamFailure | undefined;
  #finished = false;

  constructor(
    kind: ProviderKind,
    private readonly target: Target,
    private readonly request: ChatRequest,
    private readonly options: EncodeOptions,
    identity: CallIdentity,
    private readonly bounds: AttemptBounds,
    private readonly clock: Clock,
  ) {
    this.#adapter = kind.adapter;
    const { path, headers, body, droppedParams } = kind.adapter.encode(request, target, options);
    this.droppedParams = droppedParams;
    this.#exchange = kind.transport.send(target.provider, {
      method: 'POST',
      path,
      headers: upstreamHeaders(target.provider, kind.adapter, headers, identity),
      body,
    });
    const firstMs = options.stream ? bounds.firstTokenMs : bounds.answerMs;
    this.#watch = new AttemptWatch(firstMs, bounds.deadline, clock, (bound) =>
      this.cancel(tooLate(bound, options.stream)),
    );
  }

  /** What the answer has told so far; undefined until one began. */
  get facts(): AnswerFacts | undefined {
    return this.#facts;
  }

  /**
   * The first batch that holds content: until it is in hand another target may still answer instead.
   * @throws UpstreamFailure
   */
  first(): Promise<EventBatch> {
    return this.options.stream ? this.#firstOfStream() : this.#whole();
  }

  async #firstOfStream(): Promise<EventBatch> {
    try {
      const head = await this.#exchange.head();
      if (!head.isGood) throw this.#refusal(head, await this.#exchange.readAll(MAX_ERROR_BYTES));
      checkEncoding(head);
      return this.request.stream ? await this.#firstEvents(head) : await this.#assembledAnswer(head);
    } catch (error) {
      throw this.#givenUp(error);
    }
  }

  /** A plain answer is waited for once, by one promise. */
  #whole(): Promise<EventBatch> {
    return new Promise((resolve, reject) => {
      this.#exchange.whenWhole(MAX_ANSWER_BYTES, (failure, body) => {
        try {
          if (failure) throw failure;
          resolve(this.#plainAnswer(body));
        } catch (error) {
          reject(this.#givenUp(error));
        }
      });
    });
  }

  /** Gives `reader` the events of the next upstream read, or the end: a failure where the stream broke, stalled, or ended without being complete. */
  read(reader: BatchReader): void {
    if (this.#finished || !this.#decoder) {
      reader.end(undefined);
      return;
    }
    this.#watch.waiting();
    this.#reader = reader;
    this.#advance(this.#decoder.facts);
  }

  /** Gives whoever waits what has come, if anything has. */
  #advance(facts: AnswerFacts): void {
    const reader = this.#reader;
    if (!reader) return;
    this.#reader = undefined;
    let batch: EventBatch | undefined;
    try {
      batch = this.#polled(facts);
    } catch (error) {
      giveEnd(reader, this.#over(this.#givenUp(error)));
      return;
    }
    if (batch) giveBatch(reader, batch);
    else if (this.#finished) giveEnd(reader, this.#over(undefined));
    else this.#reader = reader;
  }

  /** Tells of the end. @returns what the reader is to know: the failure, or a defect in who was told */
  #over(failure: UpstreamFailure | undefined): Error | undefined {
    try {
      this.#onEnd?.(failure);
      return failure;
    } catch (error) {
      return asError(error);
    }
  }

  /** The events of the next upstream read; undefined where it has not come, or where none will, which is then `#finished`. */
  #polled(facts: AnswerFacts): EventBatch | undefined {
    for (;;) {
      if (this.#failure) throw this.#failure;
      if (facts.done) break;
      const chunk = this.#exchange.poll();
      if (!chunk && !this.#exchange.ended) return undefined;
      const payloads: string[] = [];
      // Comments keep a connection open, not a request: only events count as life.
      if (this.#decode(chunk, payloads) > 0) this.#watch.waiting();
      if (facts.failure) this.#failure = facts.failure;
      if (payloads.length > 0) {
        this.#watch.served();
        return { payloads, json: undefined };
      }
      if (!chunk && !this.#failure) break;
    }
    this.#complete(facts);
    return undefined;
  }

  /** `ended` is called once when a stream whose first content is in hand has ended: with the failure, if it failed. */
  onEnd(ended: (failure: UpstreamFailure | undefined) => void): void {
    this.#onEnd = ended;
  }

  /** Lets go of the upstream at once; a pending read fails with `failure`. Harmless after the end. */
  cancel(failure: UpstreamFailure): void {
    this.#watch.stop();
    this.#exchange.fail(failure);
  }

  #plainAnswer(body: Buffer): EventBatch {
    const head = this.#exchange.received;
    if (!head) throw truncated();
    this.#watch.stop();
    if (!head.isGood) throw this.#refusal(head, body);
    checkEncoding(head);
    const { facts, json } = this.#adapter.decodeAnswer(body, this.request, this.target);
    this.#facts = facts;
    this.#finished = true;
    return { payloads: [], json };
  }

  /** A plain answer, read as a stream: an upstream that is asked for one stops when its caller leaves. */
  async #assembledAnswer(head: ResponseHead): Promise<EventBatch> {
    const assembly = new AnswerAssembly(MAX_ANSWER_BYTES);
    const first = await this.#firstEvents(head, streamedTwin(this.request));
    this.contentAt = this.clock.now();
    for (let batch: EventBatch | undefined = first; batch; batch = await nextBatch(this)) {
      for (const payload of batch.payloads) assembly.add(payload);
    }
    const summed = this.target.provider.usagePerChoice ? this.#facts?.usage : undefined;
    return { payloads: [], json: assembly.json(summed) };
  }

  async #firstEvents(head: ResponseHead, request = this.request): Promise<EventBatch> {
    if (!head.get('content-type')?.startsWith('text/event-stream')) await this.#notAStream();
    const decoder = this.#adapter.decoder(request, this.target);
    this.#decoder = decoder;
    this.#facts = decoder.facts;
    const held: string[] = [];
    let seen = 0;
    for (;;) {
      const chunk = await this.#exchange.read();
      seen += this.#decode(chunk, held);
      const { facts } = decoder;
      if (facts.content || facts.finished.size > 0) {
        this.#failure = facts.failure;
        this.#watch.streaming(this.bounds.idleMs);
        this.#exchange.follow(() => this.#advance(facts));
        return { payloads: held, json: undefined };
      }
      if (facts.failure) throw facts.failure;
      if (chunk === undefined || facts.done) throw truncated();
      if (seen > MAX_EMPTY_EVENTS) throw new UpstreamFailure('fault', 'malformed', 'elsewhere');
    }
  }

  /** `[DONE]` is not success: a finish reason for every choice that began is. */
  #complete(facts: AnswerFacts): void {
    if (facts.finished.size === 0 || facts.finished.size < facts.choices) throw truncated();
    this.#finished = true;
    this.#watch.stop();
    this.#linger();
  }

  /** Reads the rest of a finished answer away, so that its connection can be used again. */
  #linger(): void {
    if (this.#exchange.ended) return;
    const timer = this.clock.after(FINISHED_LINGER_MS, () => this.#exchange.discard());
    this.#exchange.readAll(MAX_ERROR_BYTES).then(
      () => timer.cancel(),
      () => timer.cancel(),
    );
  }

  /** @returns how many events the chunk completed; undefined ends the stream */
  #decode(chunk: Buffer | undefined, out: string[]): number {
    const events: SseEvent[] = [];
    this.#sse ??= new SseDecoder();
    if (chunk) this.#sse.push(chunk, events);
    else this.#sse.end(events);
    for (const { data, event } of events) this.#decoder?.push(data, event, out);
    return events.length;
  }

  /** A 200 that is no stream holds an error, or is no answer at all. */
  async #notAStream(): Promise<never> {
    const body = await this.#exchange.readAll(MAX_ERROR_BYTES);
    this.#adapter.decodeAnswer(body, this.request, this.target);
    throw new UpstreamFailure('fault', 'malformed', 'elsewhere');
  }

  #refusal(head: ResponseHead, body: Buffer): UpstreamFailure {
    return this.#adapter.classify(head.status, head.all(), body.length > MAX_ERROR_BYTES ? NOTHING : body);
  }

  /** Gives up: lets go of the upstream, and says why. */
  #givenUp(error: unknown): UpstreamFailure {
    this.#watch.stop();
    this.#exchange.discard();
    return asFailure(error, this.target);
  }
}

const NOTHING: Buffer = Buffer.alloc(0);
