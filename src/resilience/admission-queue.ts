import { type Clock, type Timer } from '../kernel/clock.js';
import { type QueueSettings } from '../kernel/snapshot.js';
import { AdmissionBand } from './admission-band.js';
import { type AdmissionFlow, QueueEntry, type QueueRefusal, type Waiter } from './admission-flow.js';
import { type ConcurrencyLimiter } from './limiter.js';
import { StandingQueue } from './standing-queue.js';

const MIN_LENGTH = 16;
const MIN_KEY_LENGTH = 4;
const STANDING_WAIT_MS = 500;
/** One dispatch in so many goes to the lowest band that waits. */
const LOWEST_EVERY = 20;
/** Expiries this close together share one timer. */
const TIMER_GRAIN_MS = 5;

/** What the queue's predictions rest on; undefined = nothing known yet, and nothing is refused for it. */
export interface QueueEstimates {
  /** How long a slot is held on average. */
  meanServiceMs(): number | undefined;
  /** Median TTFT: the part of the deadline that waiting must leave. */
  medianTtftMs(): number | undefined;
}

/**
 * Admission queue of one target: strict bands with one dispatch in 20 for the lowest, deficit round robin
 * over keys, FIFO within a key or newest first under a standing queue; bounded in length, key share, bytes and wait.
 */
export class AdmissionQueue {
  readonly #bands: readonly AdmissionBand[] = [new AdmissionBand(), new AdmissionBand(), new AdmissionBand()];
  readonly #standing: StandingQueue;
  #settings: QueueSettings;
  #size = 0;
  #bytes = 0;
  #tokens = 0;
  #order = 0;
  #dispatches = 0;
  #timer: Timer | undefined;
  #timerAt = Infinity;

  constructor(
    private readonly clock: Clock,
    private readonly limiter: ConcurrencyLimiter,
    private readonly estimates: QueueEstimates,
    settings: QueueSettings,
  ) {
    this.#settings = settings;
    this.#standing = new StandingQueue(clock);
  }

  get length(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Estimated tokens of all that wait. */
  get tokens(): number {
    return this.#tokens;
  }

  /** How many wait in a band, by its number. */
  lengthOf(band: number): number {
    return this.#bands[band]?.size ?? 0;
  }

  get standing(): boolean {
    return this.#standing.standing;
  }

  /** The fast path: a slot without waiting, unless others wait already. */
  tryPass(): boolean {
    return this.#size === 0 && this.limiter.tryAcquire();
  }

  /** Queues, or answers at once why not. An entry ends by `admit`, `refuse` or `cancel`. */
  offer(waiter: Waiter): QueueEntry | QueueRefusal {
    const boundMs = this.#boundMs(waiter);
    const refusal = this.#refusal(waiter, boundMs);
    if (refusal) return refusal;
    const now = this.clock.now();
    const band = this.#band(waiter.band);
    const entry = new QueueEntry(waiter, band.flowOf(waiter.keyId), this.#order++, now, now + boundMs);
    band.push(entry);
    this.#size++;
    this.#bytes += waiter.bytes;
    this.#tokens += waiter.tokens;
    this.#arm(entry.until);
    if (this.#standing.joined()) this.#expire();
    return entry;
  }

  /** The client has gone: the entry leaves without a word. Safe to call at any time. */
  cancel(entry: QueueEntry): void {
    if (entry.queued) this.#remove(entry);
  }

  /** Hands free slots to waiters: to be called whenever a slot was released or the limit may have grown. */
  dispatch(): void {
    while (this.#size > 0 && this.limiter.tryAcquire()) {
      const entry = this.#next();
      if (!entry) {
        // All that waited had expired: the slot goes back unused.
        this.limiter.release('done');
        return;
      }
      if (this.#standing.admitted(this.clock.now() - entry.since)) this.#expire();
      entry.waiter.admit();
    }
  }

  /** Takes a reload's bounds over; who waits already stays. */
  configure(settings: QueueSettings): void {
    this.#settings = settings;
  }

  #next(): QueueEntry | undefined {
    const now = this.clock.now();
    while (this.#size > 0) {
      const band = this.#turn();
      const entry = band.take(this.#settings.quantumTokens, this.#standing.standing);
      if (!entry) return undefined;
      this.#left(entry);
      if (now < this.#until(entry)) return entry;
      entry.waiter.refuse('timeout');
    }
    return undefined;
  }

  #turn(): AdmissionBand {
    const lowest = ++this.#dispatches % LOWEST_EVERY === 0;
    for (let step = 0; step < this.#bands.length; step++) {
      const band = this.#band(lowest ? step : this.#bands.length - 1 - step);
      if (band.size > 0) return band;
    }
    return this.#band(0);
  }

  #boundMs(waiter: Waiter): number {
    const bound = Math.min(this.#settings.maxWaitMs, waiter.remainingMs - (this.estimates.medianTtftMs() ?? 0));
    return this.#standing.standing ? Math.min(STANDING_WAIT_MS, bound) : bound;
  }

  #refusal(waiter: Waiter, boundMs: number): QueueRefusal | undefined {
    if (!this.#settings.enabled) return 'disabled';
    if (boundMs <= 0 || this.#predictedWaitMs(waiter) > boundMs) return 'predictedWait';
    const held = this.#heldBy(waiter.keyId);
    if (held >= this.#keyLimit() && this.#size > held) return 'keyShare';
    return this.#makeRoom(waiter, held) ? undefined : 'full';
  }

  /** Position x mean service / limit, the position being what fair turns make of it. */
  #predictedWaitMs(waiter: Waiter): number {
    const service = this.estimates.meanServiceMs();
    if (service === undefined) return 0;
    const band = this.#band(waiter.band);
    const own = band.sizeOf(waiter.keyId);
    let ahead = Math.min(band.size, own + (own + 1) * (band.keys - (own > 0 ? 1 : 0)));
    // Newest first within a key: only other keys' turns are ahead.
    if (this.#standing.standing) ahead = Math.min(ahead, band.keys);
    for (let higher = waiter.band + 1; higher < this.#bands.length; higher++) ahead += this.#band(higher).size;
    return ((ahead + 1) * service) / this.limiter.limit;
  }

  #heldBy(keyId: string): number {
    let held = 0;
    for (const band of this.#bands) held += band.sizeOf(keyId);
    return held;
  }

  #maxLength(): number {
    return Math.min(this.#settings.maxLength, Math.max(MIN_LENGTH, this.limiter.limit));
  }

  #keyLimit(): number {
    return Math.max(MIN_KEY_LENGTH, Math.floor(this.#settings.maxKeyShare * this.#maxLength()));
  }

  /** Evicts lower bands' newest, else the newest of a key above its share, until the waiter fits. */
  #makeRoom(waiter: Waiter, held: number): boolean {
    const maxLength = this.#maxLength();
    const { maxBytes } = this.#settings;
    if (this.#size < maxLength && this.#bytes + waiter.bytes <= maxBytes) return true;
    let lowerBytes = 0;
    let lowerSize = 0;
    for (let lower = 0; lower < waiter.band; lower++) {
      lowerBytes += this.#band(lower).bytes;
      lowerSize += this.#band(lower).size;
    }
    if (this.#size - lowerSize < maxLength && this.#bytes - lowerBytes + waiter.bytes <= maxBytes) {
      while (this.#size >= maxLength || this.#bytes + waiter.bytes > maxBytes) this.#evictLowest();
      return true;
    }
    const hog = held < this.#keyLimit() ? this.#hog(waiter.band) : undefined;
    if (!hog || this.#size > maxLength || this.#bytes - hog.waiter.bytes + waiter.bytes > maxBytes) return false;
    this.#evict(hog);
    return true;
  }

  #evictLowest(): void {
    for (const band of this.#bands) {
      const entry = band.newest();
      if (!entry) continue;
      this.#evict(entry);
      return;
    }
  }

  /** The newest entry of the band's longest flow, if that key holds more than its share. */
  #hog(bandNumber: number): QueueEntry | undefined {
    let longest: AdmissionFlow | undefined;
    for (const flow of this.#band(bandNumber).flows) if (!longest || flow.size > longest.size) longest = flow;
    return longest && this.#heldBy(longest.keyId) > this.#keyLimit() ? longest.newest : undefined;
  }

  #evict(entry: QueueEntry): void {
    this.#remove(entry);
    entry.waiter.refuse('evicted');
  }

  #remove(entry: QueueEntry): void {
    this.#band(entry.waiter.band).remove(entry);
    this.#left(entry);
  }

  #left(entry: QueueEntry): void {
    entry.queued = false;
    this.#size--;
    this.#bytes -= entry.waiter.bytes;
    this.#tokens -= entry.waiter.tokens;
    if (this.#size > 0) return;
    this.#standing.emptied();
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAt = Infinity;
  }

  #until(entry: QueueEntry): number {
    return this.#standing.standing ? Math.min(entry.until, entry.since + STANDING_WAIT_MS) : entry.until;
  }

  /** One timer for all: moved only when somebody expires earlier than it would fire. */
  #arm(until: number): void {
    if (until >= this.#timerAt) return;
    this.#timer?.cancel();
    const delay = Math.max(TIMER_GRAIN_MS, until - this.clock.now());
    this.#timerAt = this.clock.now() + delay;
    this.#timer = this.clock.after(delay, () => this.#expire());
  }

  #expire(): void {
    const now = this.clock.now();
    const expired: QueueEntry[] = [];
    let next = Infinity;
    for (const band of this.#bands) {
      for (const flow of band.flows) {
        for (let entry = flow.oldest; entry; entry = entry.next) {
          const until = this.#until(entry);
          if (until <= now) expired.push(entry);
          else next = Math.min(next, until);
        }
      }
    }
    this.#timer?.cancel();
    this.#timerAt = Infinity;
    if (next < Infinity) this.#arm(next);
    for (const entry of expired) {
      if (!entry.queued) continue;
      this.#remove(entry);
      entry.waiter.refuse('timeout');
    }
  }

  #band(number: number): AdmissionBand {
    const band = this.#bands[number];
    if (!band) throw new RangeError(`no band ${number}`);
    return band;
  }
}
