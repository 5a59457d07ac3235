import { type AccountWindow } from './budget-account.js';
import { IdTable } from './id-table.js';
import { Lease, LeaseQueue } from './lease-queue.js';
import { type PrincipalBooks } from './principal-books.js';
import { type Reservation } from './quota-store.js';
import { RecentIds } from './recent-ids.js';

/** No answer gets lost inside a process: ids are kept against mistakes, not against retries of an hour ago. */
const SETTLED_IDS_KEPT = 256;
/** Of reservations that were charged as their lease ended: their gateway may have been stopped for a while, and settle yet. */
const CHARGED_IDS_KEPT = 20_000;
/** Nothing may be held for the id any more. */
export const CLOSED = 'closed';

/** A live reservation and where it is booked. */
export class HeldReservation {
  /** Until when it outlives its gateway. */
  readonly lease = new Lease<HeldReservation>(this);
  /** Of its key's limit of concurrent requests, where it has one. */
  readonly slot = new Lease<HeldReservation>(this);

  constructor(
    public reservation: Reservation,
    /** Where its slot is. A key that was forgotten meanwhile has other books. */
    public books: PrincipalBooks,
    /** Windows of its budgets, in the plan's order. */
    readonly windows: readonly AccountWindow[],
  ) {}

  holdSlot(books: PrincipalBooks, endUs: number): void {
    if (books.plan.concurrency === 0) return;
    this.leaveSlot();
    this.books = books;
    books.key.slots.hold(this.slot, endUs);
  }

  leaveSlot(): void {
    this.books.key.slots.remove(this.slot);
  }

  book(spent: number, reserved: number, unchecked: number): void {
    for (const window of this.windows) window.book({ spent, reserved, unchecked });
  }
}

/** What is held in this process, by id and in the order in which leases end; and ids that are closed, bounded. */
export class ReservationTable {
  readonly #ids = new IdTable<HeldReservation | typeof CLOSED>();
  readonly #leases = new LeaseQueue<HeldReservation>();
  readonly #settled = new RecentIds(SETTLED_IDS_KEPT);
  readonly #charged = new RecentIds(CHARGED_IDS_KEPT);

  get(id: string): HeldReservation | typeof CLOSED | undefined {
    return this.#ids.get(id);
  }

  /** How many leases run: as many as are held, unless books and leases have come apart. */
  get leases(): number {
    return this.#leases.size;
  }

  /** What is held now, in no order. */
  get held(): readonly HeldReservation[] {
    return this.#ids.values().filter((one) => one !== CLOSED);
  }

  /** When the first lease ends, µs; Infinity where nothing is held. */
  get firstEndUs(): number {
    return this.#leases.first?.endUs ?? Infinity;
  }

  add(held: HeldReservation, endUs: number): void {
    this.#ids.set(held.reservation.id, held);
    this.hold(held, held.books, endUs);
  }

  /** Renews its lease, and its slot in the books that hold now. */
  hold(held: HeldReservation, books: PrincipalBooks, endUs: number): void {
    this.#leases.hold(held.lease, endUs);
    held.holdSlot(books, endUs);
  }

  /** Ends what was settled, and closes its id. */
  settle(held: HeldReservation): void {
    this.#leases.remove(held.lease);
    held.leaveSlot();
    this.close(held.reservation.id);
  }

  /** Closes an id for which nothing is held. */
  close(id: string): void {
    this.#close(id, this.#settled);
  }

  /** Ends the first reservation whose lease is over. Where it is to be charged its id is closed, else forgotten. */
  takeEnded(nowUs: number, isCharged: boolean): HeldReservation | undefined {
    const held = this.#leases.takeEnded(nowUs)?.owner;
    if (held === undefined) return undefined;
    held.leaveSlot();
    const { id } = held.reservation;
    if (isCharged) this.#close(id, this.#charged);
    else this.#ids.delete(id);
    return held;
  }

  #close(id: string, recent: RecentIds): void {
    this.#ids.set(id, CLOSED);
    const forgotten = recent.add(id);
    if (forgotten !== undefined) this.#ids.delete(forgotten);
  }
}
