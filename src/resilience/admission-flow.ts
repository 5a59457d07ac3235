/** What waits: made by the caller once it has to wait, so that the fast path allocates nothing. */
export interface Waiter {
  readonly keyId: string;
  /** Band number: 2 critical, 1 default, 0 sheddable (priority.ts). */
  readonly band: number;
  /** Estimated work: prompt tokens + min(max_tokens, 1024). */
  readonly tokens: number;
  /** Memory held while waiting. */
  readonly bytes: number;
  /** What is left of the request's deadline, ms. */
  readonly remainingMs: number;
  /** A slot of the limiter was taken for this waiter; it must release it. Must not throw. */
  admit(): void;
  /** It leaves without a slot. Must not throw. */
  refuse(reason: QueueRefusal): void;
}

/**
 * Why the queue says no: `full` (length or bytes), `keyShare` (this key holds its share), `predictedWait` (would wait
 * longer than it may), `evicted` (gave way to a higher band), `timeout` (waited as long as it may), `disabled`.
 */
export type QueueRefusal = 'full' | 'keyShare' | 'predictedWait' | 'evicted' | 'timeout' | 'disabled';

/** A waiter in the queue: a node of its flow's list, so that leaving costs the same anywhere. */
export class QueueEntry {
  previous: QueueEntry | undefined;
  next: QueueEntry | undefined;
  queued = true;

  constructor(
    readonly waiter: Waiter,
    readonly flow: AdmissionFlow,
    /** Order of arrival over the whole queue. */
    readonly order: number,
    readonly since: number,
    /** Latest instant at which it may still be admitted. */
    readonly until: number,
  ) {}
}

/** The entries of one key in one band, oldest first. */
export class AdmissionFlow {
  oldest: QueueEntry | undefined;
  newest: QueueEntry | undefined;
  size = 0;
  /** Deficit round robin: tokens that it may still send in this visit. */
  deficit = 0;

  constructor(readonly keyId: string) {}

  push(entry: QueueEntry): void {
    entry.previous = this.newest;
    if (this.newest) this.newest.next = entry;
    else this.oldest = entry;
    this.newest = entry;
    this.size++;
  }

  remove(entry: QueueEntry): void {
    if (entry.previous) entry.previous.next = entry.next;
    else this.oldest = entry.next;
    if (entry.next) entry.next.previous = entry.previous;
    else this.newest = entry.previous;
    entry.previous = undefined;
    entry.next = undefined;
    this.size--;
  }
}
