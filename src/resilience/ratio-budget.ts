import { type Clock } from '../kernel/clock.js';

export interface RatioBudgetSettings {
  /** Tokens earned per first attempt. */
  readonly ratio: number;
  readonly initial: number;
  readonly cap: number;
  /** Tokens that come by themselves, so that little traffic may retry at all. */
  readonly refillPerSecond: number;
}

/** Token bucket earned by requests and spent by extra attempts, so that extra load stays a share of the load. */
export class RatioBudget {
  #tokens: number;
  #refilledAt: number;
  #ratio: number;

  constructor(
    private readonly clock: Clock,
    private readonly settings: RatioBudgetSettings,
  ) {
    this.#ratio = settings.ratio;
    this.#tokens = settings.initial;
    this.#refilledAt = clock.now();
  }

  get tokens(): number {
    this.#refill();
    return this.#tokens;
  }

  /** One first attempt. */
  earn(): void {
    this.#tokens = Math.min(this.settings.cap, this.#tokens + this.#ratio);
  }

  /** One extra attempt: false = not affordable, and nothing was taken. */
  trySpend(): boolean {
    this.#refill();
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Gives back what an extra attempt did not use after all. */
  refund(): void {
    this.#tokens = Math.min(this.settings.cap, this.#tokens + 1);
  }

  /** Takes a reload's ratio over; the tokens stay. */
  setRatio(ratio: number): void {
    this.#ratio = ratio;
  }

  #refill(): void {
    const now = this.clock.now();
    const { cap, refillPerSecond } = this.settings;
    this.#tokens = Math.min(cap, this.#tokens + ((now - this.#refilledAt) / 1_000) * refillPerSecond);
    this.#refilledAt = now;
  }
}
