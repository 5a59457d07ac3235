import { type Principal } from '../kernel/snapshot.js';
import { type Settlement } from './quota-store.js';

/** Places at the start. */
const PLACES = 1_024;
/** Numbers per settlement. */
const [AT, COST, TOKENS, RESERVED_COST, RESERVED_TOKENS, ADMITTED_AT, IS_LOCAL] = [0, 1, 2, 3, 4, 5, 6];
const NUMBERS = 7;

/**
 * The newest settlements, `most` at the most, with the monotonic ms of each. Taken apart into columns: kept as the objects
 * that they are, what happened in two minutes would be copied by every collection of the young generation until it is old.
 */
export class SettlementRing {
  #ids: string[] = new Array<string>(PLACES).fill('');
  #principals: (Principal | undefined)[] = new Array<Principal | undefined>(PLACES).fill(undefined);
  #numbers = new Float64Array(PLACES * NUMBERS);
  /** They count on and on; a place is what a division leaves. */
  #oldest = 0;
  #next = 0;

  constructor(private readonly most: number) {}

  add({ reservation, costNanoUsd, tokens }: Settlement, atMs: number): void {
    if (this.#next - this.#oldest === this.most) this.#forgetOldest();
    if (this.#next - this.#oldest === this.#ids.length) this.#grow();
    const place = this.#next++ % this.#ids.length;
    this.#ids[place] = reservation.id;
    this.#principals[place] = reservation.principal;
    const numbers = this.#numbers;
    const from = place * NUMBERS;
    numbers[from + AT] = atMs;
    numbers[from + COST] = costNanoUsd;
    numbers[from + TOKENS] = tokens;
    numbers[from + RESERVED_COST] = reservation.costNanoUsd;
    numbers[from + RESERVED_TOKENS] = reservation.tokens;
    numbers[from + ADMITTED_AT] = reservation.admittedAtUs;
    numbers[from + IS_LOCAL] = reservation.heldBy === 'local' ? 1 : 0;
  }

  /** Forgets those from before a time. */
  forgetBefore(ms: number): void {
    while (this.#oldest < this.#next && this.#number(this.#oldest, AT) < ms) this.#forgetOldest();
  }

  /** What is kept, in order. */
  all(): readonly Settlement[] {
    return Array.from({ length: this.#next - this.#oldest }, (_, nth) => this.#settlement(this.#oldest + nth));
  }

  #forgetOldest(): void {
    const place = this.#oldest++ % this.#ids.length;
    this.#ids[place] = '';
    this.#principals[place] = undefined;
  }

  #settlement(at: number): Settlement {
    const place = at % this.#ids.length;
    const principal = this.#principals[place];
    if (principal === undefined) throw new Error('nothing was settled there');
    return {
      reservation: {
        id: this.#ids[place] ?? '',
        principal,
        tokens: this.#number(at, RESERVED_TOKENS),
        costNanoUsd: this.#number(at, RESERVED_COST),
        admittedAtUs: this.#number(at, ADMITTED_AT),
        heldBy: this.#number(at, IS_LOCAL) === 1 ? 'local' : 'store',
      },
      costNanoUsd: this.#number(at, COST),
      tokens: this.#number(at, TOKENS),
    };
  }

  #number(at: number, column: number): number {
    return this.#numbers[(at % this.#ids.length) * NUMBERS + column] ?? 0;
  }

  #grow(): void {
    const kept = this.all();
    const times = kept.map((_, nth) => this.#number(this.#oldest + nth, AT));
    const places = this.#ids.length * 2;
    this.#ids = new Array<string>(places).fill('');
    this.#principals = new Array<Principal | undefined>(places).fill(undefined);
    this.#numbers = new Float64Array(places * NUMBERS);
    this.#oldest = this.#next = 0;
    for (const [nth, settlement] of kept.entries()) this.add(settlement, times[nth] ?? 0);
  }
}
