import { IdTable } from './id-table.js';
import { type Reservation, type Settlement } from './quota-store.js';
import { SettlementRing } from './settlement-ring.js';

const KEPT_MS = 120_000;
const MAX_SETTLED = 50_000;

/**
 * What this gateway did in a shared store lately: enough to do it again where the store lost it.
 * A settlement carries all of its reservation, so a settled request is kept once.
 */
export class RecentOperations {
  readonly #live = new IdTable<Reservation>();
  readonly #settled = new SettlementRing(MAX_SETTLED);

  admitted(reservation: Reservation): void {
    this.#live.set(reservation.id, reservation);
  }

  /** A reservation grew, unless it has ended meanwhile. */
  raised(reservation: Reservation): void {
    if (this.#live.get(reservation.id)) this.#live.set(reservation.id, reservation);
  }

  settled(settlement: Settlement, nowMs: number): void {
    this.#live.delete(settlement.reservation.id);
    // Only money must not be forgotten: rates heal by themselves within the minute.
    if (settlement.reservation.principal.budgets.length === 0) return;
    this.#settled.forgetBefore(nowMs - KEPT_MS);
    this.#settled.add(settlement, nowMs);
  }

  /** Reservations that still run. */
  get live(): readonly Reservation[] {
    return this.#live.values();
  }

  /** Settlements of the last 120 s, in order. */
  settlements(nowMs: number): readonly Settlement[] {
    this.#settled.forgetBefore(nowMs - KEPT_MS);
    return this.#settled.all();
  }
}
