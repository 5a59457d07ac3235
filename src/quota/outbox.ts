/** Something for the shared store that waits for company. */
interface OfOrg {
  readonly plan: { readonly org: string };
}

/** What waits to be sent, by org and in order: what is of one org can go in one round trip. */
export class Outbox<Item extends OfOrg> {
  readonly #waiting = new Map<string, Item[]>();

  add(item: Item): void {
    const waiting = this.#waiting.get(item.plan.org);
    if (waiting === undefined) this.#waiting.set(item.plan.org, [item]);
    else waiting.push(item);
  }

  /** Takes at most `most` of an org, in order. */
  take(org: string, most: number): readonly Item[] {
    const waiting = this.#waiting.get(org);
    if (waiting === undefined) return [];
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
