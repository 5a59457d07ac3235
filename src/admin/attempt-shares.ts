import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { attemptEnded } from '../kernel/channels.js';

const REMEMBERED = 1_000;

/** Which targets the last 1,000 attempts went to. */
@Injectable()
export class AttemptShares implements OnModuleDestroy {
  readonly #recent: string[] = [];
  #next = 0;
  readonly #unsubscribe = attemptEnded.subscribe(({ attempt }) => {
    this.#recent[this.#next] = attempt.target.id;
    this.#next = (this.#next + 1) % REMEMBERED;
  });

  /** Share by target id, 0 to 1; targets without attempts are absent. */
  shares(): ReadonlyMap<string, number> {
    const shares = new Map<string, number>();
    for (const id of this.#recent) shares.set(id, (shares.get(id) ?? 0) + 1 / this.#recent.length);
    return shares;
  }

  onModuleDestroy(): void {
    this.#unsubscribe();
  }
}
