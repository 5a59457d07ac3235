import { describe, expect, it } from 'vitest';
import { aPrincipal } from '../../test/support/principal.js';
import { BudgetBook } from './budget-book.js';
import { Bookkeeping } from './principal-books.js';

describe('Bookkeeping', () => {
  it('books principals of one key, as reloads make them, on the same state', () => {
    const bookkeeping = new Bookkeeping(new BudgetBook());
    expect(bookkeeping.booksOf(aPrincipal()).key).toBe(bookkeeping.booksOf(aPrincipal()).key);
    expect(bookkeeping.booksOf(aPrincipal({ keyId: 'another' })).key).not.toBe(bookkeeping.booksOf(aPrincipal()).key);
  });

  it('gives a key that was forgotten one new state, whoever asks first', () => {
    const bookkeeping = new Bookkeeping(new BudgetBook());
    const [early, late] = [aPrincipal(), aPrincipal()];
    const forgotten = bookkeeping.booksOf(early).key;
    bookkeeping.forgetIdle(0);
    expect(bookkeeping.booksOf(late).key).not.toBe(forgotten);
    expect(bookkeeping.booksOf(early).key).toBe(bookkeeping.booksOf(late).key);
  });
});
