import { type RequestContext } from '../kernel/request-context.js';
import { type AnswerFacts } from '../kernel/upstream.js';
import { type AcquireResult, type QuotaStore, type Reservation } from './quota-store.js';
import { estimateOutput } from './token-estimate.js';

/** Output tokens that a stream begins with. */
export const FIRST_SLICE = 1024;
/** Output tokens that are asked for at a time. */
const SLICE = 768;
/** More is asked for while this many are left, so that an answer seldom waits. */
const LEAD = FIRST_SLICE - SLICE;

const known = new WeakMap<RequestContext, SlicedReservation>();

/** The growing reservation of a stream; undefined where its worst case is held at once. */
export function slicedReservationOf(ctx: RequestContext): SlicedReservation | undefined {
  return ctx.snapshot.quota.reservation.mode === 'sliced' ? known.get(ctx) : undefined;
}

/** What a sliced reservation may grow to, and what it costs. */
export interface SliceBounds {
  readonly promptTokens: number;
  /** Of all choices together. */
  readonly outputTokens: number;
  /** Worst case of the prompt and so many output tokens, nano-USD. */
  cost(outputTokens: number): number;
}

/** A reservation whose tokens and cost grow: whoever keeps it sees what is held now. */
class GrowingReservation implements Reservation {
  readonly id: Reservation['id'];
  readonly principal: Reservation['principal'];
  readonly admittedAtUs: number;
  readonly heldBy: Reservation['heldBy'];
  tokens: number;
  costNanoUsd: number;

  constructor({ id, principal, admittedAtUs, heldBy, tokens, costNanoUsd }: Reservation) {
    this.id = id;
    this.principal = principal;
    this.admittedAtUs = admittedAtUs;
    this.heldBy = heldBy;
    this.tokens = tokens;
    this.costNanoUsd = costNanoUsd;
  }

  /** The same with other totals; what is held stays as it is. */
  raisedTo(tokens: number, costNanoUsd: number): Reservation {
    const { id, principal, admittedAtUs, heldBy } = this;
    return { id, principal, admittedAtUs, heldBy, tokens, costNanoUsd };
  }
}

/** Tops the reservation of a stream up while it runs, in the background; a refusal is final. */
export class SlicedReservation {
  readonly #reservation: GrowingReservation;
  #granted = FIRST_SLICE;
  #used = 0;
  #refused = false;
  #asking: Promise<void> | undefined;

  constructor(
    private readonly ctx: RequestContext,
    private readonly store: QuotaStore,
    first: Reservation,
    private readonly bounds: SliceBounds,
  ) {
    this.#reservation = new GrowingReservation(first);
    known.set(ctx, this);
  }

  /** What is held now. */
  get reservation(): Reservation {
    return this.#reservation;
  }

  /** All that was granted is used, and it is less than the request may ever use. */
  get isSpent(): boolean {
    return this.#used >= this.#granted && this.#granted < this.bounds.outputTokens;
  }

  /** Takes note of what has come, and asks for the next slice where little is left. */
  use(facts: AnswerFacts): void {
    this.#used = estimateOutput(facts);
    this.#askInTime();
  }

  /** Waits, where all is used, for the next slices; false where one was refused. Never rejects. */
  async covers(): Promise<boolean> {
    while (this.isSpent && !this.#refused && !this.ctx.released) {
      this.#askInTime();
      await this.#asking;
    }
    return !this.isSpent || !this.#refused;
  }

  #askInTime(): void {
    if (this.#refused || this.#asking || this.ctx.released) return;
    if (this.#granted >= this.bounds.outputTokens || this.#used + LEAD < this.#granted) return;
    const wanted = Math.min(this.bounds.outputTokens, Math.max(this.#granted, this.#used) + SLICE);
    this.#asking = this.#ask(wanted).finally(() => (this.#asking = undefined));
  }

  async #ask(outputTokens: number): Promise<void> {
    const held = this.#reservation;
    const wanted = held.raisedTo(this.bounds.promptTokens + outputTokens, this.bounds.cost(outputTokens));
    const result = await this.#extend(wanted);
    this.#refused = !result?.admitted;
    if (this.#refused) return;
    held.tokens = wanted.tokens;
    held.costNanoUsd = wanted.costNanoUsd;
    this.#granted = outputTokens;
  }

  /** Where the lease was lost meanwhile, all of it is asked for again. A store that fails grants nothing. */
  async #extend(wanted: Reservation): Promise<AcquireResult | undefined> {
    try {
      const result = await this.store.extend(wanted);
      return !result.admitted && result.reason === 'closed' ? await this.store.regain(wanted) : result;
    } catch {
      return undefined;
    }
  }
}
