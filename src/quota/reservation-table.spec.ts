import { beforeEach, describe, expect, it } from 'vitest';
import { aPrincipal } from '../../test/support/principal.js';
import { type Principal } from '../kernel/snapshot.js';
import { BudgetBook } from './budget-book.js';
import { Bookkeeping, type PrincipalBooks } from './principal-books.js';
import { CLOSED, HeldReservation, ReservationTable } from './reservation-table.js';

const LIMITED = aPrincipal({ limits: { concurrentRequests: 2 } });
const UNLIMITED = aPrincipal();
const KEPT_IDS = 256;

const booksOf = (principal: Principal): PrincipalBooks => new Bookkeeping(new BudgetBook()).booksOf(principal);

function held(principal: Principal, books: PrincipalBooks): HeldReservation {
  const reservation = { id: 'r', principal, tokens: 1, costNanoUsd: 1, admittedAtUs: 0, heldBy: 'store' } as const;
  return new HeldReservation(reservation, books, []);
}

describe('ReservationTable', () => {
  let table: ReservationTable;
  beforeEach(() => (table = new ReservationTable()));

  it('remembers ids that are closed, and of those only the latest', () => {
    for (let n = 0; n <= KEPT_IDS; n++) table.close(`id-${n}`);
    expect(table.get(`id-${KEPT_IDS}`)).toBe(CLOSED);
    expect(table.get('id-1')).toBe(CLOSED);
    expect(table.get('id-0')).toBeUndefined();
  });

  it('ends a lease with its settlement', () => {
    const one = held(LIMITED, booksOf(LIMITED));
    table.add(one, 100);
    table.settle(one);
    expect(table.leases).toBe(0);
    expect(table.takeEnded(1_000, false)).toBeUndefined();
  });

  it('takes a slot where the key has a limit of them, and no other', () => {
    const [limited, unlimited] = [booksOf(LIMITED), booksOf(UNLIMITED)];
    table.add(held(LIMITED, limited), 100);
    table.add(held(UNLIMITED, unlimited), 100);
    expect(limited.key.slots.size).toBe(1);
    expect(unlimited.key.slots.size).toBe(0);
  });

  it('moves a slot to the books that hold now, and frees it there', () => {
    const [before, now] = [booksOf(LIMITED), booksOf(LIMITED)];
    const one = held(LIMITED, before);
    table.add(one, 100);
    table.hold(one, now, 200);
    expect([before.key.slots.size, now.key.slots.size]).toEqual([0, 1]);
    table.settle(one);
    expect([before.key.slots.size, now.key.slots.size]).toEqual([0, 0]);
  });
});
