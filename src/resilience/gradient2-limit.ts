import { type Clock } from '../kernel/clock.js';
import { type LimitAlgorithm, type LimitBounds } from './limiter.js';
import { OverloadDecrease } from './overload-decrease.js';
import { TtftWindow } from './ttft-window.js';

const WINDOW_MS = 1_000;
const MIN_SAMPLES = 10;
const LONG_WINDOWS = 600;
const WARM_UP_WINDOWS = 10;
const TOLERANCE = 1.5;
const QUEUE = 4;
const SMOOTHING = 0.2;
const MIN_GRADIENT = 0.5;
/** A long average this far above the present belongs to an overload that is over: let it fall faster. */
const DRIFT = 2;
const DRIFT_DECAY = 0.95;

/**
 * Gradient2 (Netflix concurrency-limits) on time to first token, for engines that we own.
 * TTFT rises as soon as an engine queues; total latency rises with the length of answers, too, and misleads.
 */
export class Gradient2Limit implements LimitAlgorithm {
  #limit: number;
  #whole: number;
  #bounds: LimitBounds;
  #long = 0;
  #windows = 0;
  #windowEnd: number;
  #peak = 0;
  readonly #samples = new TtftWindow();
  readonly #decrease: OverloadDecrease;

  constructor(
    private readonly clock: Clock,
    bounds: LimitBounds,
  ) {
    this.#bounds = bounds;
    this.#limit = Math.min(bounds.max, Math.max(bounds.min, bounds.initial));
    this.#whole = Math.floor(this.#limit);
    this.#windowEnd = clock.now() + WINDOW_MS;
    this.#decrease = new OverloadDecrease(clock);
  }

  get limit(): number {
    return this.#whole;
  }

  started(inFlight: number): void {
    if (inFlight > this.#peak) this.#peak = inFlight;
  }

  firstToken(ttftMs: number, promptTokens: number, inFlight: number): void {
    if (inFlight > this.#peak) this.#peak = inFlight;
    this.#samples.add(ttftMs, promptTokens);
    const now = this.clock.now();
    if (now < this.#windowEnd || this.#samples.size < MIN_SAMPLES) return;
    const short = this.#samples.takeMean();
    this.#update(short);
    this.#windowEnd = now + WINDOW_MS;
    this.#peak = 0;
  }

  overloaded(inFlight: number): void {
    this.#set(this.#decrease.apply(this.#limit, inFlight, this.#bounds.min));
  }

  coolDownEnded(): void {
    // Growth is at most QUEUE x SMOOTHING = 0.8 per window anyway.
    this.#set(this.#limit / 2);
  }

  configure(bounds: LimitBounds): void {
    this.#bounds = bounds;
    this.#set(this.#limit);
  }

  #update(short: number): void {
    this.#long = this.#longAverage(short);
    if (this.#long > DRIFT * short) this.#long *= DRIFT_DECAY;
    const gradient = Math.max(MIN_GRADIENT, Math.min(1, (TOLERANCE * this.#long) / short));
    const next = this.#limit * (1 - SMOOTHING) + (this.#limit * gradient + QUEUE) * SMOOTHING;
    // An idle target proves nothing about a larger limit.
    if (next > this.#limit && this.#peak * 2 < this.#limit) return;
    this.#set(next);
  }

  #longAverage(short: number): number {
    this.#windows++;
    const weight = this.#windows <= WARM_UP_WINDOWS ? 1 / this.#windows : 2 / (LONG_WINDOWS + 1);
    return this.#long + (short - this.#long) * weight;
  }

  #set(limit: number): void {
    this.#limit = Math.min(this.#bounds.max, Math.max(this.#bounds.min, limit));
    this.#whole = Math.floor(this.#limit);
  }
}
