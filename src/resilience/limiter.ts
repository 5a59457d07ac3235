/** How an attempt ended, as far as concurrency goes: `overload` is a 429, 503, 529 or a first-token timeout. */
export type LimiterOutcome = 'done' | 'overload';

/** Admits attempts to one target up to a limit that may move. A slot is held from dispatch to the end of the stream. */
export interface ConcurrencyLimiter {
  readonly limit: number;
  readonly inFlight: number;
  /** Takes a slot if one is free. */
  tryAcquire(): boolean;
  /** First content came: `ttftMs` is the upstream's time alone, waiting in the gateway excluded. */
  firstToken(ttftMs: number, promptTokens: number): void;
  /** Gives a slot back, once per successful `tryAcquire`. */
  release(outcome: LimiterOutcome): void;
  /** The target comes back from a cool-down: half the limit, then one more per window. */
  coolDownEnded(): void;
}

/** Bounds of a limit, as configured. */
export interface LimitBounds {
  readonly initial: number;
  readonly min: number;
  readonly max: number;
}

/** The algorithm that moves a limit: samples in, limit out; it admits nothing. */
export interface LimitAlgorithm {
  /** A whole number, at least 1. */
  readonly limit: number;
  /** A slot was taken; `inFlight` counts it. */
  started(inFlight: number): void;
  /** First content came; `inFlight` counts its attempt. */
  firstToken(ttftMs: number, promptTokens: number, inFlight: number): void;
  /** The target said that it is overloaded; `inFlight` counts the attempt that heard it. */
  overloaded(inFlight: number): void;
  coolDownEnded(): void;
  /** Takes a reload's bounds over. */
  configure(bounds: LimitBounds): void;
}

/** Enforces the limit of an algorithm. */
export class Limiter implements ConcurrencyLimiter {
  #inFlight = 0;

  constructor(readonly algorithm: LimitAlgorithm) {}

  get limit(): number {
    return this.algorithm.limit;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  tryAcquire(): boolean {
    if (this.#inFlight >= this.algorithm.limit) return false;
    this.#inFlight++;
    this.algorithm.started(this.#inFlight);
    return true;
  }

  firstToken(ttftMs: number, promptTokens: number): void {
    this.algorithm.firstToken(ttftMs, promptTokens, this.#inFlight);
  }

  release(outcome: LimiterOutcome): void {
    if (outcome === 'overload') this.algorithm.overloaded(this.#inFlight);
    this.#inFlight--;
  }

  coolDownEnded(): void {
    this.algorithm.coolDownEnded();
  }
}
