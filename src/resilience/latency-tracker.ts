import { type Clock } from '../kernel/clock.js';
import { WindowedQuantile } from './windowed-quantile.js';

const QUANTILE_WINDOW_MS = 300_000;
const DECAY_MS = 10_000;
const LEAST_MS = 1;
const SERVICE_WEIGHT = 0.1;

/** What is known of the latency of one target. Times in ms; undefined = nothing known yet. */
export class LatencyTracker {
  readonly #ttfts: WindowedQuantile;
  #peak = 0;
  #peakAt = 0;
  #serviceMs: number | undefined;

  constructor(private readonly clock: Clock) {
    this.#ttfts = new WindowedQuantile(clock, QUANTILE_WINDOW_MS);
  }

  /** First content came after `ms` at the upstream. */
  recordTtft(ms: number): void {
    this.#ttfts.record(ms);
    const now = this.clock.now();
    // Peak EWMA (Finagle): believes bad news at once and good news slowly.
    if (ms > this.#peak) this.#peak = ms;
    else this.#peak += (ms - this.#peak) * (1 - Math.exp((this.#peakAt - now) / DECAY_MS));
    this.#peakAt = now;
  }

  /** A slot was held for `ms`, from dispatch to the end. */
  recordService(ms: number): void {
    this.#serviceMs = this.#serviceMs === undefined ? ms : this.#serviceMs + (ms - this.#serviceMs) * SERVICE_WEIGHT;
  }

  /**
   * The cost of sending one more request here: decayed TTFT x requests in flight. It fades while nothing is heard, so
   * that a target that was slow once is tried again, and an unknown target costs next to nothing, so that it is tried
   * at all, yet not by everybody at once.
   */
  cost(inFlight: number): number {
    const ttftMs = this.#peak * Math.exp((this.#peakAt - this.clock.now()) / DECAY_MS);
    return Math.max(LEAST_MS, ttftMs) * (inFlight + 1);
  }

  /** TTFT samples of the last 5 minutes. */
  ttftCount(): number {
    return this.#ttfts.count();
  }

  /** Quantile of TTFT over the last 5 minutes, within 5 %. */
  ttftQuantile(q: number): number | undefined {
    return this.#ttfts.quantile(q);
  }

  /** How long a slot is held on average. */
  meanServiceMs(): number | undefined {
    return this.#serviceMs;
  }
}
