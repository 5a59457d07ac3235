import { AdmissionFlow, type QueueEntry } from './admission-flow.js';

/**
 * One band of the admission queue: deficit round robin over keys (Shreedhar and Varghese), so that tokens, not
 * requests, are shared evenly among the keys that wait.
 */
export class AdmissionBand {
  size = 0;
  bytes = 0;
  /** Keys that wait, in the order of their turns; the first is being served. */
  readonly #turns: AdmissionFlow[] = [];
  readonly #flows = new Map<string, AdmissionFlow>();
  /** Has the first flow had its quantum for this visit? */
  #visiting = false;

  get keys(): number {
    return this.#turns.length;
  }

  get flows(): readonly AdmissionFlow[] {
    return this.#turns;
  }

  sizeOf(keyId: string): number {
    return this.#flows.get(keyId)?.size ?? 0;
  }

  flowOf(keyId: string): AdmissionFlow {
    let flow = this.#flows.get(keyId);
    if (!flow) {
      flow = new AdmissionFlow(keyId);
      this.#flows.set(keyId, flow);
      this.#turns.push(flow);
    }
    return flow;
  }

  push(entry: QueueEntry): void {
    entry.flow.push(entry);
    this.size++;
    this.bytes += entry.waiter.bytes;
  }

  remove(entry: QueueEntry): void {
    const { flow } = entry;
    flow.remove(entry);
    this.size--;
    this.bytes -= entry.waiter.bytes;
    if (flow.size > 0) return;
    // A key that waits for nothing keeps no deficit: it cannot save up turns.
    const turn = this.#turns.indexOf(flow);
    if (turn === 0) this.#visiting = false;
    this.#turns.splice(turn, 1);
    this.#flows.delete(flow.keyId);
  }

  /** Takes the entry whose turn it is. `newestFirst` turns each key's own order round. */
  take(quantum: number, newestFirst: boolean): QueueEntry | undefined {
    for (let passed = 0; this.size > 0; passed++) {
      if (passed > this.#turns.length) {
        this.#skipRounds(quantum, newestFirst);
        passed = 0;
      }
      const flow = this.#turns[0];
      const entry = newestFirst ? flow?.newest : flow?.oldest;
      if (!flow || !entry) return undefined;
      if (!this.#visiting) flow.deficit += quantum;
      if (entry.waiter.tokens <= flow.deficit) {
        flow.deficit -= entry.waiter.tokens;
        this.#visiting = true;
        this.remove(entry);
        return entry;
      }
      this.#visiting = false;
      this.#turns.shift();
      this.#turns.push(flow);
    }
    return undefined;
  }

  /** The entry that came last. */
  newest(): QueueEntry | undefined {
    let newest: QueueEntry | undefined;
    for (const flow of this.#turns) {
      if (flow.newest && (!newest || flow.newest.order > newest.order)) newest = flow.newest;
    }
    return newest;
  }

  /** Nobody can afford its turn yet: gives all the rounds at once that the cheapest still lacks, less one. */
  #skipRounds(quantum: number, newestFirst: boolean): void {
    let rounds = Infinity;
    for (const flow of this.#turns) {
      const tokens = (newestFirst ? flow.newest : flow.oldest)?.waiter.tokens ?? 0;
      rounds = Math.min(rounds, Math.ceil((tokens - flow.deficit) / quantum) - 1);
    }
    if (rounds <= 0) return;
    for (const flow of this.#turns) flow.deficit += rounds * quantum;
  }
}
