const CAPACITY = 256;
/** Prompts beyond this factor from the window's median say more about the prompt than about the load. */
const PROMPT_FACTOR = 4;

/** TTFT samples of one window; the newest 256 count. */
export class TtftWindow {
  readonly #ttfts = new Float64Array(CAPACITY);
  readonly #prompts = new Float64Array(CAPACITY);
  readonly #sorted = new Float64Array(CAPACITY);
  #added = 0;

  get size(): number {
    return this.#added;
  }

  add(ttftMs: number, promptTokens: number): void {
    const slot = this.#added++ % CAPACITY;
    this.#ttfts[slot] = ttftMs;
    this.#prompts[slot] = promptTokens;
  }

  /** Mean TTFT over the prompts within 4x of the median, and an empty window. At least one sample must be there. */
  takeMean(): number {
    const count = Math.min(this.#added, CAPACITY);
    const median = this.#medianPrompt(count);
    let sum = 0;
    let used = 0;
    for (let slot = 0; slot < count; slot++) {
      const prompt = this.#prompts[slot] ?? 0;
      if (prompt * PROMPT_FACTOR < median || prompt > median * PROMPT_FACTOR) continue;
      sum += this.#ttfts[slot] ?? 0;
      used++;
    }
    this.#added = 0;
    return sum / used;
  }

  #medianPrompt(count: number): number {
    const sorted = this.#sorted.subarray(0, count);
    sorted.set(this.#prompts.subarray(0, count));
    sorted.sort();
    return sorted[count >> 1] ?? 0;
  }
}
