/** A place in a queue, and what is held there. */
export class Lease<Owner> {
  before: Lease<Owner> | undefined;
  after: Lease<Owner> | undefined;
  isQueued = false;
  /** When it ends unless it is renewed, µs. */
  endUs = 0;

  constructor(readonly owner: Owner) {}
}

/**
 * Leases in the order of their ends. All have one length and time does not go back, so one that begins or is renewed goes
 * behind the others. Linked through the leases themselves: of a Map from which the oldest are always removed, V8 looks at every
 * place that has become free before it finds the next.
 */
export class LeaseQueue<Owner> {
  #first: Lease<Owner> | undefined;
  #last: Lease<Owner> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The lease that ends first. */
  get first(): Lease<Owner> | undefined {
    return this.#first;
  }

  /** Begins a lease, or renews it. */
  hold(lease: Lease<Owner>, endUs: number): void {
    this.remove(lease);
    lease.endUs = endUs;
    lease.isQueued = true;
    lease.before = this.#last;
    if (this.#last) this.#last.after = lease;
    else this.#first = lease;
    this.#last = lease;
    this.#size++;
  }

  /** Does nothing where the lease is not in the queue. */
  remove(lease: Lease<Owner>): void {
    if (!lease.isQueued) return;
    const { before, after } = lease;
    if (before) before.after = after;
    else this.#first = after;
    if (after) after.before = before;
    else this.#last = before;
    lease.before = lease.after = undefined;
    lease.isQueued = false;
    this.#size--;
  }

  /** Removes the first lease if it has ended. */
  takeEnded(nowUs: number): Lease<Owner> | undefined {
    const first = this.#first;
    if (first === undefined || first.endUs > nowUs) return undefined;
    this.remove(first);
    return first;
  }
}
