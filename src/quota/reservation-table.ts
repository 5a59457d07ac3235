import { type QuotaPlan } from './quota-plan.js';
import { type Reservation } from './quota-store.js';

/** A live reservation and where it is booked. */
export interface Held {
  reservation: Reservation;
  readonly plan: QuotaPlan;
  /** Numbers of its budget windows, in the plan's order. */
  readonly windows: readonly number[];
  leaseEndUs: number;
}

/** The live reservations of this process, those whose lease ends first at the front. */
export class ReservationTable {
  readonly #held = new Map<string, Held>();

  get size(): number {
    return this.#held.size;
  }

  get(id: string): Held | undefined {
    return this.#held.get(id);
  }

  /** Adds a reservation, or moves it behind the others when its lease was renewed. */
  hold(held: Held): void {
    this.#held.delete(held.reservation.id);
    this.#held.set(held.reservation.id, held);
  }

  remove(id: string): Held | undefined {
    const held = this.#held.get(id);
    if (held !== undefined) this.#held.delete(id);
    return held;
  }

  /** Removes one reservation whose lease is over, the oldest first. */
  takeExpired(nowUs: number): Held | undefined {
    const oldest = this.oldest;
    if (oldest === undefined || oldest.leaseEndUs > nowUs) return undefined;
    this.#held.delete(oldest.reservation.id);
    return oldest;
  }

  get oldest(): Held | undefined {
    for (const held of this.#held.values()) return held;
    return undefined;
  }

  values(): Iterable<Held> {
    return this.#held.values();
  }
}
