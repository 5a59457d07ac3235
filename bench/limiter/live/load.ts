import { setMaxListeners } from 'node:events';
import { setTimeout as passed } from 'node:timers/promises';
import { seededRandom } from '../../../test/support/seeded-random.js';

/** Median and spread of the answers' lengths: log-normal, tokens. */
const MEDIAN_TOKENS = 100;
const SIGMA = 0.6;
const MAX_TOKENS = 500;
/** How long whoever waits at the end of a load is waited for, ms. */
const GRACE_MS = 10_000;

/** What became of one request. Times are ms. */
export interface Call {
  readonly status: number;
  /** Sent to the first content; undefined: there was none. */
  readonly ttftMs: number | undefined;
  /** The stream ended with [DONE]. */
  readonly whole: boolean;
  /** How long it took, or had taken when the load was over. */
  readonly totalMs: number;
}

/** Streams of one kind to one address. */
export class Load {
  readonly #random: () => number;

  constructor(
    /** Of the chat completions. */
    private readonly url: string,
    private readonly model: string,
    seed: number,
  ) {
    this.#random = seededRandom(seed);
  }

  /** Closed loop: `callers` at once. @returns answers per second */
  async capacity(callers: number, seconds: number): Promise<number> {
    const from = performance.now();
    const end = from + seconds * 1_000;
    let answered = 0;
    const never = new AbortController().signal;
    await Promise.all(
      Array.from({ length: callers }, async () => {
        while (performance.now() < end) if ((await this.#call(never)).whole) answered++;
      }),
    );
    return (answered * 1_000) / (performance.now() - from);
  }

  /** Open loop: requests arrive at random, whatever becomes of those before them. */
  async arrivals(perSecond: number, seconds: number): Promise<readonly Call[]> {
    const over = new AbortController();
    setMaxListeners(0, over.signal);
    const calls: Promise<Call>[] = [];
    const from = performance.now();
    let dueMs = 0;
    for (;;) {
      dueMs += (-Math.log(1 - this.#random()) * 1_000) / perSecond;
      if (dueMs >= seconds * 1_000) break;
      const waitMs = from + dueMs - performance.now();
      if (waitMs > 1) await passed(waitMs);
      calls.push(this.#call(over.signal));
    }
    const all = Promise.all(calls);
    await Promise.race([all, passed(GRACE_MS)]);
    over.abort();
    return all;
  }

  async #call(signal: AbortSignal): Promise<Call> {
    const from = performance.now();
    let ttftMs: number | undefined;
    let tail = '';
    let status = 0;
    try {
      const response = await fetch(this.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(this.#body()),
        signal,
      });
      status = response.status;
      for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
        tail = (tail + piece).slice(-4_000);
        if (status === 200 && tail.includes('"content":"')) ttftMs ??= performance.now() - from;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    return { status, ttftMs, whole: tail.endsWith('data: [DONE]\n\n'), totalMs: performance.now() - from };
  }

  #body(): object {
    const normal = Math.sqrt(-2 * Math.log(1 - this.#random())) * Math.cos(2 * Math.PI * this.#random());
    return {
      model: this.model,
      stream: true,
      temperature: 0,
      ignore_eos: true,
      max_tokens: Math.min(MAX_TOKENS, Math.max(1, Math.round(MEDIAN_TOKENS * Math.exp(SIGMA * normal)))),
      // No two prompts alike: an engine remembers the last ones.
      messages: [{ role: 'user', content: `${Math.floor(this.#random() * 1e9)} Tell me a long story` }],
    };
  }
}
