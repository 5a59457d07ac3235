import { type Principal } from './snapshot.js';

/** What a request may cost at worst; times are µs since the epoch, money is nano-USD. */
export interface AcquireRequest {
  /** The gateway's own ULID: the same id never reserves twice. */
  readonly id: string;
  readonly principal: Principal;
  /** Upper bound of prompt and output together. */
  readonly tokens: number;
  readonly costNanoUsd: number;
}

/** The worst case held for a request, to be handed back once to `settle` or `release`. */
export interface Reservation extends AcquireRequest {
  /** The store's time of admission: late charges go to the windows of this instant. */
  readonly admittedAtUs: number;
  /** Which store holds it; `local` while the shared one is out of reach. */
  readonly heldBy: 'store' | 'local';
}
