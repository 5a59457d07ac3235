import { SHORT_ANSWER_BYTES } from '../kernel/plain-answer.js';
import { UpstreamFailure } from '../kernel/upstream.js';
import { type ResponseHead } from './response-head.js';

/** Chunks held for a consumer that does not read before the producer is told to pause, bytes. */
const PAUSE_ABOVE_BYTES = 256 * 1024;

const NOTHING: Buffer = Buffer.alloc(0);
const SETTLED = Promise.resolve();

/** How an exchange steers whoever produces its bytes. */
export interface ProducerControl {
  /** Lets go of the connection at once. */
  abort(): void;
  resume(): void;
}

/**
 * One request to an upstream and its answer: a producer (a socket, a simulation) puts bytes in,
 * one consumer takes them out, and either side may end it. At most one read may wait at a time.
 */
export class UpstreamExchange {
  #head: ResponseHead | undefined;
  #chunks: Buffer[] = [];
  #buffered = 0;
  #paused = false;
  #ended = false;
  #failure: UpstreamFailure | undefined;
  #control: ProducerControl | undefined;
  #wake: (() => void) | undefined;
  #follower: (() => void) | undefined;
  #telling = false;
  /** Set while the whole body is collected: the most that it may hold, bytes. */
  #limit: number | undefined;

  /** Set by the producer as soon as it can be steered; an exchange that already failed aborts it at once. */
  control(control: ProducerControl): void {
    this.#control = control;
    if (this.#failure) control.abort();
  }

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** The head, where it has come. */
  get received(): ResponseHead | undefined {
    return this.#head;
  }

  get headReceived(): boolean {
    return this.#head !== undefined;
  }

  onHead(head: ResponseHead): void {
    this.#head = head;
    this.#notify();
  }

  /** @returns false when the producer must pause until it is resumed */
  onData(chunk: Buffer): boolean {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    if (this.#limit !== undefined) return this.#collect(this.#limit);
    this.#paused = this.#buffered > PAUSE_ABOVE_BYTES;
    this.#notify();
    return !this.#paused;
  }

  onEnd(): void {
    this.#ended = true;
    this.#control = undefined;
    this.#paused = false;
    this.#notify();
  }

  /**
   * The body at once, and its end. `bytes` are lent for this call: whoever waits for the whole reads them in it, where they
   * are short enough to be made text, and gets a copy where they are not.
   */
  onWhole(bytes: Buffer): void {
    // Its connection may carry another exchange by now.
    this.#control = undefined;
    const isRead = this.#limit !== undefined && bytes.length <= SHORT_ANSWER_BYTES;
    this.onData(isRead ? bytes : Buffer.from(bytes));
    this.onEnd();
  }

  /** Ends the exchange with a failure, from either side; the first one counts. */
  fail(failure: UpstreamFailure): void {
    if (this.#failure || this.#ended) return;
    this.#failure = failure;
    this.#chunks = [];
    this.#control?.abort();
    this.#notify();
  }

  /** Ends the exchange because nobody needs the rest. */
  discard(): void {
    this.fail(new UpstreamFailure('ignored', 'cancelled', 'never'));
  }

  /** @throws UpstreamFailure */
  async head(): Promise<ResponseHead> {
    while (!this.#head) {
      if (this.#failure) throw this.#failure;
      await this.#change();
    }
    return this.#head;
  }

  /**
   * All bytes received since the last read, or undefined at the end of a complete answer.
   * @throws UpstreamFailure
   */
  async read(): Promise<Buffer | undefined> {
    for (;;) {
      const bytes = this.poll();
      if (bytes || this.#ended) return bytes;
      await this.#change();
    }
  }

  /**
   * As `read`, but without waiting: undefined also where nothing has come since.
   * @throws UpstreamFailure
   */
  poll(): Buffer | undefined {
    if (this.#failure) throw this.#failure;
    return this.#chunks.length > 0 ? this.#take() : undefined;
  }

  /** Whether everything has come; some of it may not have been read. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * `changed` is called from now on whenever the exchange has something new, or has ended: once what brought it has been
   * done with, so that all of one read is known by then, its end and its faults too. It must not throw.
   */
  follow(changed: () => void): void {
    this.#follower = changed;
  }

  /**
   * The whole body, waited for once: the producer is not paused meanwhile. What refuses is a refusal, however its body ends:
   * where that was not to be had, it is empty.
   * @param done is called once: with too_large past `maxBytes`, or what ended the exchange; or with the body, which is
   *   lent for that call up to SHORT_ANSWER_BYTES
   */
  whenWhole(maxBytes: number, done: (failure: UpstreamFailure | undefined, body: Buffer) => void): void {
    this.#limit = maxBytes;
    const isTooLarge = this.#buffered > maxBytes;
    if (isTooLarge) this.fail(tooLarge());
    else this.#unpause();
    const settle = (): void => {
      const failure = this.#failure ?? (isTooLarge ? tooLarge() : undefined);
      if (failure) done(this.#head?.isGood === false ? undefined : failure, NOTHING);
      else if (this.#ended) done(undefined, this.#take());
      else this.#wake = settle;
    };
    settle();
  }

  /** As `whenWhole`. @throws UpstreamFailure */
  readAll(maxBytes: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.whenWhole(maxBytes, (failure, body) => {
        if (failure) reject(failure);
        else resolve(Buffer.from(body));
      });
    });
  }

  /** Resolves when the exchange has something new. */
  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #collect(limit: number): boolean {
    if (this.#buffered <= limit) return true;
    this.fail(tooLarge());
    return false;
  }

  #take(): Buffer {
    const [first] = this.#chunks;
    const taken = this.#chunks.length === 1 && first ? first : Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#buffered = 0;
    this.#unpause();
    return taken;
  }

  #unpause(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#control?.resume();
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
    if (!this.#follower || this.#telling) return;
    this.#telling = true;
    void SETTLED.then(() => this.#tell());
  }

  #tell(): void {
    this.#telling = false;
    this.#follower?.();
  }
}

function tooLarge(): UpstreamFailure {
  return new UpstreamFailure('fault', 'too_large', 'elsewhere');
}
