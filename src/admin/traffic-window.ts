import { Inject, Injectable } from '@nestjs/common';
import { type Clock } from '../kernel/clock.js';
import { type RequestContext } from '../kernel/request-context.js';
import { CLOCK } from '../kernel/tokens.js';
import { EndedFacts } from '../observability/ended-facts.js';
import { addedMs } from '../observability/added-latency.js';
import { classOf } from '../observability/request-class.js';
import { SecondSamples } from './second-samples.js';

/** How many finished seconds are remembered. */
const SECONDS = 600;

/** What happened in one second. Latencies in ms; null = nothing was measured. */
export interface TrafficSecond {
  /** Wall clock of its beginning, ms since the epoch. */
  readonly at: number;
  /** Requests that ended. */
  readonly requests: number;
  /** Of those, the ones that count against availability. */
  readonly failed: number;
  /** Of those, the ones answered 4xx. */
  readonly refused: number;
  /** Streams: from arrival to first content. */
  readonly ttftP50: number | null;
  readonly ttftP95: number | null;
  /** What the gateway itself added until the first content. */
  readonly addedP50: number | null;
  readonly addedP99: number | null;
}

/** The last 10 minutes of chat requests, second by second. */
@Injectable()
export class TrafficWindow {
  readonly #finished: TrafficSecond[] = [];
  readonly #ttft = new SecondSamples();
  readonly #added = new SecondSamples();
  #requests = 0;
  #failed = 0;
  #refused = 0;
  #second: number;

  constructor(
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly facts: EndedFacts,
  ) {
    this.#second = this.#now();
    facts.onRequest((ctx) => {
      this.#count(ctx);
    });
  }

  /** Finished seconds, oldest first. */
  seconds(): readonly TrafficSecond[] {
    this.facts.flush();
    this.#roll();
    return this.#finished;
  }

  /** The last finished second; undefined within the first one. */
  last(): TrafficSecond | undefined {
    return this.seconds().at(-1);
  }

  #count(ctx: RequestContext): void {
    this.#roll(secondOf(ctx.endedAt));
    this.#requests++;
    if (classOf(ctx) === 'bad') this.#failed++;
    else if (ctx.status >= 400 && ctx.status < 499) this.#refused++;
    const { firstContentAt } = ctx;
    if (firstContentAt === undefined) return;
    this.#added.add(addedMs(ctx, firstContentAt));
    if (ctx.request?.stream === true) this.#ttft.add(firstContentAt - ctx.receivedAt);
  }

  /** Closes the seconds before `now`. */
  #roll(now = this.#now()): void {
    if (now <= this.#second) return;
    this.#second = Math.max(this.#second, now - SECONDS);
    for (; this.#second < now; this.#second++) this.#finished.push(this.#close());
    this.#finished.splice(0, this.#finished.length - SECONDS);
  }

  #close(): TrafficSecond {
    const closed = {
      at: (Math.floor(this.clock.wall() / 1_000) - (this.#now() - this.#second)) * 1_000,
      requests: this.#requests,
      failed: this.#failed,
      refused: this.#refused,
      ttftP50: this.#ttft.quantile(0.5),
      ttftP95: this.#ttft.quantile(0.95),
      addedP50: this.#added.quantile(0.5),
      addedP99: this.#added.quantile(0.99),
    };
    this.#requests = this.#failed = this.#refused = 0;
    this.#ttft.clear();
    this.#added.clear();
    return closed;
  }

  #now(): number {
    return secondOf(this.clock.now());
  }
}

function secondOf(ms: number): number {
  return Math.floor(ms / 1_000);
}
