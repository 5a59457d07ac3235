import { asError, giveBatch, giveEnd, nextBatch } from '../kernel/batch-reading.js';
import { jsonText } from '../kernel/json-text.js';
import { type RequestContext } from '../kernel/request-context.js';
import { type Answer, type BatchReader, type EventBatch, UpstreamFailure } from '../kernel/upstream.js';
import { ContinuedChunks } from './continued-chunks.js';
import { RepeatedTextFilter, SentText } from './mid-stream-rescue.js';
import { type FailedAttempt } from './next-attempt.js';
import { type RunningAttempt } from './running-attempt.js';
import { deltaOf, readChunk, type StreamChunk } from './stream-chunk.js';

/** Another attempt for the rest of an answer. */
export interface Continuation {
  readonly running: RunningAttempt;
  /** It goes on from the text that was sent; otherwise it begins afresh. */
  readonly byPrefix: boolean;
}

/** Starts another attempt after these failures; undefined where there is nobody to ask. */
export type StartContinuation = (failed: readonly FailedAttempt[], sentText: string) => Continuation | undefined;

/** A stream that another attempt goes on with when it breaks: word for word, or it ends with the first error. */
export class ResumableStream implements Answer {
  readonly first: EventBatch;
  readonly #sent: SentText;
  #id: unknown;
  #chunks: ContinuedChunks | undefined;
  /** First batch of an attempt that has taken over. */
  #pending: EventBatch | undefined;
  /** Why the stream broke first: what the caller is told where nobody can go on. */
  #broken: UpstreamFailure | undefined;
  #unreadable: UpstreamFailure | undefined;

  constructor(
    private readonly ctx: RequestContext,
    private running: RunningAttempt,
    choices: number,
    private readonly failed: FailedAttempt[],
    private readonly start: StartContinuation,
  ) {
    this.#sent = new SentText(choices);
    this.first = this.#passed(running.first);
  }

  /** Ends with the first failure that broke the stream. */
  read(reader: BatchReader): void {
    this.#next().then(
      (batch) => (batch ? giveBatch(reader, batch) : giveEnd(reader, undefined)),
      (error: unknown) => giveEnd(reader, asError(error)),
    );
  }

  /** @throws UpstreamFailure the first that broke the stream */
  async #next(): Promise<EventBatch | undefined> {
    for (;;) {
      const batch = await this.#read();
      if (batch instanceof UpstreamFailure) {
        this.#broken ??= batch;
        if (!(await this.#resume(batch))) throw this.#broken;
        continue;
      }
      if (batch === undefined) {
        if (this.#chunks?.caughtUp === false) throw this.#broken ?? unreadable();
        return undefined;
      }
      const passed = this.#passed(batch);
      if (this.#chunks?.differs) {
        this.running.abandon();
        throw this.#broken ?? unreadable();
      }
      if (passed.payloads.length > 0) return passed;
    }
  }

  async #read(): Promise<EventBatch | UpstreamFailure | undefined> {
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending) return pending;
    if (this.#unreadable) return this.#unreadable;
    try {
      return await nextBatch(this.running);
    } catch (error) {
      if (error instanceof UpstreamFailure) return error;
      throw error;
    }
  }

  async #resume(failure: UpstreamFailure): Promise<boolean> {
    this.failed.push({ target: this.running.record.target, failure });
    if (failure.retryable === 'never' || this.#sent.obstacle() !== undefined) return false;
    for (;;) {
      const text = this.#sent.text;
      const continuation = this.start(this.failed, text);
      if (!continuation) return false;
      const { running, byPrefix } = continuation;
      try {
        await running.begin();
      } catch (error) {
        if (!(error instanceof UpstreamFailure)) throw error;
        this.failed.push({ target: running.record.target, failure: error });
        continue;
      }
      this.running = running;
      this.#unreadable = undefined;
      this.#pending = running.first;
      this.#chunks = new ContinuedChunks(this.#id, byPrefix ? undefined : new RepeatedTextFilter(text));
      return true;
    }
  }

  /** What of a batch goes to the caller; it remembers what it lets through. */
  #passed({ payloads }: EventBatch): EventBatch {
    const out: string[] = [];
    for (const payload of payloads) {
      const chunk = readChunk(payload);
      if (!chunk) {
        this.#unreadable = unreadable();
        this.running.breakOff(this.#unreadable);
        break;
      }
      this.#id ??= chunk.id;
      const fresh = this.#chunks ? this.#chunks.push(chunk) : chunk;
      if (!fresh) continue;
      this.#remember(fresh);
      out.push(fresh === chunk ? payload : jsonText(fresh));
    }
    if (out.length > 0) this.#takeOver();
    return { payloads: out, json: undefined };
  }

  #remember({ choices = [] }: StreamChunk): void {
    for (const choice of choices) this.#sent.sent(deltaOf(choice));
  }

  /** From its first words on, an attempt answers the request, and those before it have contributed. */
  #takeOver(): void {
    const { answeredBy } = this.ctx;
    if (!answeredBy || answeredBy === this.running.record) return;
    this.ctx.continued.push(answeredBy);
    this.running.commit();
  }
}

function unreadable(): UpstreamFailure {
  return new UpstreamFailure('fault', 'malformed', 'elsewhere');
}
