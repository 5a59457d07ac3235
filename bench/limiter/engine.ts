/** One request of the simulation. Times in ms of simulated time. */
export interface SimulatedRequest {
  readonly arrivedAt: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  firstTokenAt: number;
  finishedAt: number;
}

const SLOTS = 32;
const KV_TOKENS = 60_000;
const PREFILL_CHUNK = 512;
const STEP_MS = 14;
const STEP_MS_PER_SEQUENCE = 0.35;
const STEP_MS_PER_PREFILL_TOKEN = 0.03;

interface Sequence {
  readonly request: SimulatedRequest;
  prefillLeft: number;
  outputLeft: number;
}

/**
 * A continuous-batching engine, simplified: 32 slots, a pool of KV tokens, prefill in chunks that share the step with
 * decoding, and a step that takes longer the more it does. What does not fit waits in the engine, first in first out.
 */
export class BatchingEngine {
  readonly #waiting: Sequence[] = [];
  #running: Sequence[] = [];
  #kvTokens = 0;
  /** Everything takes this many times as long. */
  slowness = 1;

  enqueue(request: SimulatedRequest): void {
    this.#waiting.push({ request, prefillLeft: request.promptTokens, outputLeft: request.outputTokens });
  }

  get idle(): boolean {
    return this.#running.length === 0 && this.#waiting.length === 0;
  }

  /** How long the next step takes, ms, having decided what is in it. */
  begin(): number {
    this.#fill();
    let prefill = 0;
    for (const sequence of this.#running) {
      if (prefill >= PREFILL_CHUNK) break;
      prefill += Math.min(sequence.prefillLeft, PREFILL_CHUNK - prefill);
    }
    const work = STEP_MS_PER_SEQUENCE * this.#running.length + STEP_MS_PER_PREFILL_TOKEN * prefill;
    return this.slowness * (STEP_MS + work);
  }

  /** Ends the step at `now`. */
  end(now: number, onFirst: (request: SimulatedRequest) => void, onEnd: (request: SimulatedRequest) => void): void {
    let budget = PREFILL_CHUNK;
    const finished: Sequence[] = [];
    for (const sequence of this.#running) {
      if (sequence.prefillLeft > 0) {
        const done = Math.min(sequence.prefillLeft, budget);
        budget -= done;
        sequence.prefillLeft -= done;
        if (sequence.prefillLeft > 0) continue;
        sequence.request.firstTokenAt = now;
        onFirst(sequence.request);
      }
      if (--sequence.outputLeft <= 0) finished.push(sequence);
    }
    if (finished.length === 0) return;
    this.#running = this.#running.filter(({ outputLeft }) => outputLeft > 0);
    for (const { request } of finished) {
      this.#kvTokens -= request.promptTokens + request.outputTokens;
      request.finishedAt = now;
      onEnd(request);
    }
  }

  #fill(): void {
    while (this.#running.length < SLOTS) {
      const next = this.#waiting[0];
      if (!next) return;
      const kvTokens = next.request.promptTokens + next.request.outputTokens;
      if (this.#kvTokens + kvTokens > KV_TOKENS) return;
      this.#waiting.shift();
      this.#kvTokens += kvTokens;
      this.#running.push(next);
    }
  }
}
