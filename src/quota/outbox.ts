import { type QuotaPlan } from './quota-plan.js';
import { type Settlement, type SettleStatus } from './quota-store.js';

/** A settlement on its way to the store. */
export interface Outgoing {
  readonly plan: QuotaPlan;
  readonly settlement: Settlement;
  resolve(status: SettleStatus): void;
  reject(error: unknown): void;
}

/** Settlements that wait for company: they ride with the next acquire of their org, or go after a moment. */
export class Outbox {
  readonly #waiting = new Map<string, Outgoing[]>();

  /** Adds one, to be resolved with its status. */
  add(plan: QuotaPlan, settlement: Settlement): Promise<SettleStatus> {
    return new Promise((resolve, reject) => {
      const outgoing = { plan, settlement, resolve, reject };
      const waiting = this.#waiting.get(plan.org);
      if (waiting === undefined) this.#waiting.set(plan.org, [outgoing]);
      else waiting.push(outgoing);
    });
  }

  /** Takes at most `most` of an org, in order. */
  take(org: string, most: number): readonly Outgoing[] {
    const waiting = this.#waiting.get(org);
    if (waiting === undefined) return NONE;
    if (waiting.length > most) return waiting.splice(0, most);
    this.#waiting.delete(org);
    return waiting;
  }

  has(org: string): boolean {
    return this.#waiting.has(org);
  }

  get orgs(): readonly string[] {
    return [...this.#waiting.keys()];
  }
}

const NONE: readonly Outgoing[] = [];
