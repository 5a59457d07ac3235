const MINUTE_US = 60_000_000;

/** Time between two requests at a rate, µs, rounded up; 0 = no limit. */
export function requestPeriodUs(requestsPerMinute: number): number {
  return requestsPerMinute > 0 ? Math.ceil(MINUTE_US / requestsPerMinute) : 0;
}

/** What may come at once where the key does not say: ten seconds' worth. */
export function defaultBurst(requestsPerMinute: number): number {
  return Math.max(1, Math.floor(requestsPerMinute / 6));
}

/**
 * Generic cell rate algorithm (ITU-T I.371; Redis's throttled): one number, the theoretical arrival time,
 * holds the whole state, and the wait it tells is exact.
 */
export class Gcra {
  #arrivalUs = 0;

  /** Until one request would be admitted, µs; 0 = now. */
  waitUs(nowUs: number, periodUs: number, burst: number): number {
    return Math.max(0, this.#arrival(nowUs, periodUs, burst) + periodUs - periodUs * burst - nowUs);
  }

  /** Counts one request: only after `waitUs` said 0. */
  take(nowUs: number, periodUs: number, burst: number): void {
    this.#arrivalUs = this.#arrival(nowUs, periodUs, burst) + periodUs;
  }

  remaining(nowUs: number, periodUs: number, burst: number): number {
    const ahead = this.#arrival(nowUs, periodUs, burst) - nowUs;
    return Math.max(0, Math.floor((periodUs * burst - ahead) / periodUs));
  }

  /** Until the whole burst is there again, µs. */
  resetUs(nowUs: number): number {
    return Math.max(0, this.#arrivalUs - nowUs);
  }

  // Further ahead than the burst it cannot be, unless the clock went back or the limit was changed.
  #arrival(nowUs: number, periodUs: number, burst: number): number {
    return Math.min(Math.max(this.#arrivalUs, nowUs), nowUs + periodUs * burst);
  }
}
