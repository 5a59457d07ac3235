import { type Clock } from '../kernel/clock.js';
import { type HedgingSettings, type Hosting } from '../kernel/snapshot.js';
import { type LatencyTracker } from './latency-tracker.js';
import { RatioBudget } from './ratio-budget.js';

const QUANTILE = 0.95;
const BUDGET_CAP = 10;
const MAX_LIMITER_USE = 0.8;

/** What decides whether one request may be hedged now. */
export interface HedgeFacts {
  readonly choices: number;
  readonly level: number;
  /** Of the target that the second attempt would go to. */
  readonly hosting: Hosting;
  readonly breakerClosed: boolean;
  readonly inFlight: number;
  readonly limit: number;
  readonly retryBudget: RatioBudget;
}

/** When to start a second attempt early, and whether it can be afforded. One per model or route. */
export class HedgePolicy {
  readonly #budget: RatioBudget;

  constructor(
    clock: Clock,
    private readonly settings: HedgingSettings,
  ) {
    this.#budget = new RatioBudget(clock, {
      ratio: settings.budgetRatio,
      initial: 0,
      cap: BUDGET_CAP,
      refillPerSecond: 0,
    });
  }

  /** One request: it earns its share of a hedge. */
  requestStarted(): void {
    this.#budget.earn();
  }

  /** How long to wait for first content before hedging, ms; undefined = never: off, or too little is known. */
  delayMs(primary: LatencyTracker): number | undefined {
    if (!this.settings.enabled || primary.ttftCount() < this.settings.minSamples) return undefined;
    const p95 = primary.ttftQuantile(QUANTILE);
    return p95 === undefined ? undefined : Math.max(this.settings.minDelayMs, p95);
  }

  /** True = start it: one token of the hedging budget and one of the target's retry budget are spent. */
  tryStart(facts: HedgeFacts): boolean {
    if (!this.settings.enabled || facts.choices > 1 || facts.level > 0 || !facts.breakerClosed) return false;
    if (facts.hosting === 'hosted' && !this.settings.allowHosted) return false;
    if (facts.inFlight >= MAX_LIMITER_USE * facts.limit) return false;
    if (!this.#budget.trySpend()) return false;
    if (facts.retryBudget.trySpend()) return true;
    this.#budget.refund();
    return false;
  }
}
