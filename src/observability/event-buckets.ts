/** Widths that serve both a window of 5 minutes and one of 3 days, in bounded memory: 4,320 minutes. */
const BUCKET_MS = 60_000;
const BUCKETS = 3 * 24 * 60;

export interface EventCount {
  readonly good: number;
  readonly bad: number;
}

/** Good and bad events by the minute, for the last 3 days. Older minutes are overwritten. */
export class EventBuckets {
  readonly #good = new Uint32Array(BUCKETS);
  readonly #bad = new Uint32Array(BUCKETS);
  /** Minute that the newest bucket stands for; -1 before the first event. */
  #newest = -1;

  /** @param now monotonic ms */
  add(now: number, good: boolean): void {
    this.#advance(now);
    const at = this.#newest % BUCKETS;
    const counts = good ? this.#good : this.#bad;
    counts[at] = (counts[at] ?? 0) + 1;
  }

  /** Events of the last `windowMs`, to the minute: the running minute and the whole ones before it. */
  count(now: number, windowMs: number): EventCount {
    this.#advance(now);
    const minutes = Math.min(BUCKETS, Math.ceil(windowMs / BUCKET_MS));
    let good = 0;
    let bad = 0;
    for (let minute = this.#newest; minute > this.#newest - minutes && minute >= 0; minute--) {
      good += this.#good[minute % BUCKETS] ?? 0;
      bad += this.#bad[minute % BUCKETS] ?? 0;
    }
    return { good, bad };
  }

  #advance(now: number): void {
    const minute = Math.floor(now / BUCKET_MS);
    if (minute <= this.#newest) return;
    const from = Math.max(this.#newest + 1, minute - BUCKETS + 1);
    for (let stale = from; stale <= minute; stale++) {
      this.#good[stale % BUCKETS] = 0;
      this.#bad[stale % BUCKETS] = 0;
    }
    this.#newest = minute;
  }
}
