import { type Principal } from '../kernel/snapshot.js';
import { type BudgetAccount } from './budget-account.js';
import { type BudgetBook } from './budget-book.js';
import { KeyState } from './key-state.js';
import { planOf, type QuotaPlan } from './quota-plan.js';

/** What the requests of a principal are booked on. */
export interface PrincipalBooks {
  readonly plan: QuotaPlan;
  readonly key: KeyState;
  /** Of the plan's budgets, in their order. */
  readonly accounts: readonly BudgetAccount[];
}

/** The books of all principals of this process. Principals of one key, as reloads make them, share its state. */
export class Bookkeeping {
  readonly #keys = new Map<string, KeyState>();
  /** Found once per principal, until a key or an account is forgotten. */
  #known = new WeakMap<Principal, PrincipalBooks>();

  constructor(private readonly budgets: BudgetBook) {}

  booksOf(principal: Principal): PrincipalBooks {
    let books = this.#known.get(principal);
    if (books === undefined) {
      const plan = planOf(principal);
      books = { plan, key: this.#keyOf(plan), accounts: this.budgets.accountsOf(plan) };
      this.#known.set(principal, books);
    }
    return books;
  }

  /** Forgets keys and accounts that are as good as new. */
  forgetIdle(nowUs: number): void {
    const before = this.#keys.size;
    for (const [path, key] of this.#keys) if (key.idle(nowUs)) this.#keys.delete(path);
    const forgotten = before - this.#keys.size + this.budgets.forgetIdle(nowUs);
    if (forgotten > 0) this.#known = new WeakMap();
  }

  #keyOf({ path }: QuotaPlan): KeyState {
    let key = this.#keys.get(path);
    if (key === undefined) {
      key = new KeyState();
      this.#keys.set(path, key);
    }
    return key;
  }
}
