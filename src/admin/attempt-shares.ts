import { Injectable } from '@nestjs/common';
import { EndedFacts } from '../observability/ended-facts.js';

const REMEMBERED = 1_000;

/** Which targets the last 1,000 attempts went to. */
@Injectable()
export class AttemptShares {
  readonly #recent: string[] = [];
  #next = 0;

  constructor(private readonly facts: EndedFacts) {
    facts.onAttempt(({ attempt }) => {
      this.#recent[this.#next] = attempt.target.id;
      this.#next = (this.#next + 1) % REMEMBERED;
    });
  }

  /** Share by target id, 0 to 1; targets without attempts are absent. */
  shares(): ReadonlyMap<string, number> {
    this.facts.flush();
    const shares = new Map<string, number>();
    for (const id of this.#recent) shares.set(id, (shares.get(id) ?? 0) + 1 / this.#recent.length);
    return shares;
  }
}
