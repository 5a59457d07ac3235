import { type Clock } from '../kernel/clock.js';

const SLICES = 5;
/** Relative error 5 %: a value falls into bucket log_GAMMA(value), as in DDSketch. */
const ERROR = 0.05;
const GAMMA = (1 + ERROR) / (1 - ERROR);
const LOG_GAMMA = Math.log(GAMMA);
/** Up to 1 hour in ms; what is larger counts as that. */
const BUCKETS = Math.ceil(Math.log(3_600_000) / LOG_GAMMA) + 1;

/**
 * Quantiles of durations over the last `windowMs`, within 5 %, in fixed memory (DDSketch over a ring of time slices;
 * the slice in progress comes on top, so that up to 1.2 windows count). Times in ms.
 */
export class WindowedQuantile {
  readonly #sliceMs: number;
  readonly #counts = new Uint32Array((SLICES + 1) * BUCKETS);
  readonly #totals = new Uint32Array(SLICES + 1);
  readonly #merged = new Uint32Array(BUCKETS);
  #newest = 0;
  #count = 0;

  constructor(
    private readonly clock: Clock,
    windowMs: number,
  ) {
    this.#sliceMs = windowMs / SLICES;
  }

  record(ms: number): void {
    this.#advance();
    const bucket = ms <= 1 ? 0 : Math.min(BUCKETS - 1, Math.ceil(Math.log(ms) / LOG_GAMMA));
    const slice = this.#newest % (SLICES + 1);
    add(this.#counts, slice * BUCKETS + bucket, 1);
    add(this.#merged, bucket, 1);
    add(this.#totals, slice, 1);
    this.#count++;
  }

  /** Samples within the window. */
  count(): number {
    this.#advance();
    return this.#count;
  }

  /** undefined while the window is empty. `q` from 0 to 1. */
  quantile(q: number): number | undefined {
    this.#advance();
    if (this.#count === 0) return undefined;
    let rank = Math.ceil(q * this.#count) || 1;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      rank -= this.#merged[bucket] ?? 0;
      if (rank <= 0) return (2 * GAMMA ** bucket) / (GAMMA + 1);
    }
    return undefined;
  }

  #advance(): void {
    const number = Math.floor(this.clock.now() / this.#sliceMs);
    const stale = Math.min(number - this.#newest, SLICES + 1);
    for (let step = 1; step <= stale; step++) this.#drop((this.#newest + step) % (SLICES + 1));
    if (number > this.#newest) this.#newest = number;
  }

  #drop(slice: number): void {
    const from = slice * BUCKETS;
    if (this.#totals[slice] === 0) return;
    for (let bucket = 0; bucket < BUCKETS; bucket++) add(this.#merged, bucket, -(this.#counts[from + bucket] ?? 0));
    this.#counts.fill(0, from, from + BUCKETS);
    this.#count -= this.#totals[slice] ?? 0;
    this.#totals[slice] = 0;
  }
}

function add(counts: Uint32Array, index: number, by: number): void {
  counts[index] = (counts[index] ?? 0) + by;
}
