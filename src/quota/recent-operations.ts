import { type Reservation, type Settlement } from './quota-store.js';

const KEPT_MS = 120_000;
const MAX_SETTLED = 50_000;

/**
 * What this gateway did in a shared store lately: enough to do it again where the store lost it.
 * A settlement carries all of its reservation, so a settled request is kept once.
 */
export class RecentOperations {
  readonly #live = new Map<string, Reservation>();
  #settled: { readonly settlement: Settlement; readonly atMs: number }[] = [];
  #from = 0;

  admitted(reservation: Reservation): void {
    this.#live.set(reservation.id, reservation);
  }

  /** A reservation grew, unless it has ended meanwhile. */
  raised(reservation: Reservation): void {
    if (this.#live.has(reservation.id)) this.#live.set(reservation.id, reservation);
  }

  settled(settlement: Settlement, nowMs: number): void {
    this.#live.delete(settlement.reservation.id);
    // Only money must not be forgotten: rates heal by themselves within the minute.
    if (settlement.reservation.principal.budgets.length === 0) return;
    this.#settled.push({ settlement, atMs: nowMs });
    this.#forget(nowMs);
  }

  /** Reservations that still run. */
  get live(): readonly Reservation[] {
    return [...this.#live.values()];
  }

  /** Settlements of the last 120 s, in order. */
  settlements(nowMs: number): readonly Settlement[] {
    this.#forget(nowMs);
    return this.#settled.slice(this.#from).map(({ settlement }) => settlement);
  }

  #forget(nowMs: number): void {
    while (this.#settled.length - this.#from > MAX_SETTLED || this.#old(this.#settled[this.#from], nowMs)) this.#from++;
    // Cut seldom: moving the array at each step would cost more than the room.
    if (this.#from < 1024 || this.#from * 2 < this.#settled.length) return;
    this.#settled = this.#settled.slice(this.#from);
    this.#from = 0;
  }

  #old(entry: { readonly atMs: number } | undefined, nowMs: number): boolean {
    return entry !== undefined && nowMs - entry.atMs > KEPT_MS;
  }
}
