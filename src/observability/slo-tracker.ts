import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { ConfigStore } from '../config/config-store.js';
import { requestRefused } from '../kernel/channels.js';
import { type Clock } from '../kernel/clock.js';
import { type RequestContext } from '../kernel/request-context.js';
import { type Priority, type SloSettings } from '../kernel/snapshot.js';
import { CLOCK } from '../kernel/tokens.js';
import { addedMs } from './added-latency.js';
import { EndedFacts } from './ended-facts.js';
import { EventBuckets } from './event-buckets.js';
import { classOf, classOfRefusal, type RequestClass } from './request-class.js';

export type SloName = 'availability' | 'critical' | 'stream' | 'first_token' | 'added_latency';
export const SLO_NAMES: readonly SloName[] = ['availability', 'critical', 'stream', 'first_token', 'added_latency'];

const MINUTE = 60_000;
export const SLO_WINDOWS = { '5m': 5 * MINUTE, '1h': 60 * MINUTE, '6h': 360 * MINUTE, '3d': 4320 * MINUTE } as const;
export type SloWindow = keyof typeof SLO_WINDOWS;

const ADDED_BOUND_MS = 10;
const ADDED_RATIO = 0.99;
const STREAM_RATIO = 0.999;
/** The band `critical` gets half the error budget of the others. */
const CRITICAL_SHARE = 0.5;
/** Prompts beyond it take their time by right. The estimate is four bytes to a token. */
const MAX_PROMPT_BYTES = 2000 * 4;

/** One objective, as it stands in this process. */
export interface SloStatus {
  readonly slo: SloName;
  /** Share of good events that is promised, 0 to 1. */
  readonly objective: number;
  readonly windows: Readonly<
    Record<SloWindow, { readonly good: number; readonly bad: number; readonly burnRate: number }>
  >;
  /** 1 = untouched, below 0 = overspent; over at most the last 3 days. */
  readonly errorBudgetRemaining: number;
}

/** Judges every ended request by the objectives. */
@Injectable()
export class SloTracker implements OnModuleDestroy {
  readonly #events: Readonly<Record<SloName, EventBuckets>> = {
    availability: new EventBuckets(),
    critical: new EventBuckets(),
    stream: new EventBuckets(),
    first_token: new EventBuckets(),
    added_latency: new EventBuckets(),
  };
  #onEvent: ((slo: SloName, good: boolean) => void) | undefined;
  // Not at onModuleInit: Nest calls that again for the operations listener, which shares this object.
  readonly #unsubscribe = requestRefused.subscribe(({ status, code, priority }) => {
    this.#judgeAvailability(this.clock.now(), classOfRefusal(status, code, priority), priority);
  });

  constructor(
    private readonly config: ConfigStore,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly facts: EndedFacts,
  ) {
    facts.onRequest((ctx) => {
      this.judge(ctx);
    });
  }

  onModuleDestroy(): void {
    this.#unsubscribe();
  }

  /** Counts an ended request for every objective that it has a say in; none where chaos had a hand in it. */
  judge(ctx: RequestContext): void {
    if (ctx.chaos !== undefined) return;
    const { endedAt, firstContentAt } = ctx;
    this.#judgeAvailability(endedAt, classOf(ctx), ctx.principal.priority);
    if (firstContentAt === undefined) return;
    this.#add(endedAt, 'added_latency', addedMs(ctx, firstContentAt) <= ADDED_BOUND_MS);
    if (ctx.request?.stream !== true) return;
    if (ctx.end !== 'cancelled') this.#add(endedAt, 'stream', ctx.end === 'completed');
    if (ctx.model?.reasoning === true || ctx.request.document.size > MAX_PROMPT_BYTES) return;
    this.#add(endedAt, 'first_token', firstContentAt - ctx.receivedAt <= ctx.snapshot.slo.firstTokenMs);
  }

  /** How each objective stands now. */
  status(): SloStatus[] {
    this.facts.flush();
    return SLO_NAMES.map((slo) => this.#statusOf(slo));
  }

  #judgeAvailability(at: number, verdict: RequestClass, band: Priority): void {
    if (verdict === 'excluded') return;
    this.#add(at, 'availability', verdict === 'good');
    if (band === 'critical') this.#add(at, 'critical', verdict === 'good');
  }

  #statusOf(slo: SloName): SloStatus {
    const objective = objectiveOf(slo, this.config.current.slo);
    const over = (window: SloWindow): SloStatus['windows'][SloWindow] => {
      const count = this.#events[slo].count(this.clock.now(), SLO_WINDOWS[window]);
      return { ...count, burnRate: burnRate(count.good, count.bad, objective) };
    };
    const windows = { '5m': over('5m'), '1h': over('1h'), '6h': over('6h'), '3d': over('3d') };
    return { slo, objective, windows, errorBudgetRemaining: 1 - windows['3d'].burnRate };
  }

  /** `listener` is called for each judgement: the counters. */
  onEvent(listener: (slo: SloName, good: boolean) => void): void {
    this.#onEvent = listener;
  }

  /** @param at monotonic ms */
  #add(at: number, slo: SloName, good: boolean): void {
    this.#events[slo].add(at, good);
    this.#onEvent?.(slo, good);
  }
}

/** How many times faster than allowed the budget is spent; 0 without events. */
export function burnRate(good: number, bad: number, objective: number): number {
  if (bad === 0) return 0;
  return bad / (good + bad) / (1 - objective);
}

function objectiveOf(slo: SloName, { availability, firstTokenRatio }: SloSettings): number {
  switch (slo) {
    case 'availability':
      return availability;
    case 'critical':
      return 1 - (1 - availability) * CRITICAL_SHARE;
    case 'first_token':
      return firstTokenRatio;
    case 'stream':
      return STREAM_RATIO;
    case 'added_latency':
      return ADDED_RATIO;
  }
}
