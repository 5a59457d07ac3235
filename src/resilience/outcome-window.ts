/** How an attempt ended, as far as the health of its target goes. */
export type OutcomeClass = 'success' | 'fault' | 'throttle' | 'ignored';

const BUCKETS = 10;

/**
 * Counts of the last `windowMs` in 10 buckets addressed by timestamp: a bucket that is older than the
 * window counts as zero however long nothing was recorded. Running totals make reading free.
 */
export class OutcomeWindow {
  success = 0;
  fault = 0;
  throttle = 0;
  slow = 0;

  readonly #bucketMs: number;
  readonly #successes = new Uint32Array(BUCKETS);
  readonly #faults = new Uint32Array(BUCKETS);
  readonly #throttles = new Uint32Array(BUCKETS);
  readonly #slows = new Uint32Array(BUCKETS);
  /** Number of the newest bucket since the clock's origin. */
  #newest = 0;

  constructor(readonly windowMs: number) {
    this.#bucketMs = windowMs / BUCKETS;
  }

  get total(): number {
    return this.success + this.fault + this.throttle;
  }

  /** Counts one outcome at `now`, monotonic ms. */
  add(now: number, outcome: 'success' | 'fault' | 'throttle', slow: boolean): void {
    this.advance(now);
    const slot = this.#newest % BUCKETS;
    if (outcome === 'success') {
      this.success++;
      bump(this.#successes, slot);
    } else if (outcome === 'fault') {
      this.fault++;
      bump(this.#faults, slot);
    } else {
      this.throttle++;
      bump(this.#throttles, slot);
    }
    if (slow) {
      this.slow++;
      bump(this.#slows, slot);
    }
  }

  /** Forgets what has left the window at `now`. */
  advance(now: number): void {
    const number = Math.floor(now / this.#bucketMs);
    const stale = Math.min(number - this.#newest, BUCKETS);
    for (let step = 1; step <= stale; step++) this.#drop((this.#newest + step) % BUCKETS);
    if (number > this.#newest) this.#newest = number;
  }

  clear(): void {
    for (let slot = 0; slot < BUCKETS; slot++) this.#drop(slot);
  }

  #drop(slot: number): void {
    this.success -= this.#successes[slot] ?? 0;
    this.fault -= this.#faults[slot] ?? 0;
    this.throttle -= this.#throttles[slot] ?? 0;
    this.slow -= this.#slows[slot] ?? 0;
    this.#successes[slot] = 0;
    this.#faults[slot] = 0;
    this.#throttles[slot] = 0;
    this.#slows[slot] = 0;
  }
}

function bump(counts: Uint32Array, slot: number): void {
  counts[slot] = (counts[slot] ?? 0) + 1;
}
