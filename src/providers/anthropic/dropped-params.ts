/** They end up in one header line. */
const MAX_NAMES = 32;
const HEADER_SAFE = /^[A-Za-z0-9_.-]{1,64}$/;

/** Collects the names of what the upstream cannot take. Names may come from the caller: unsafe ones are not repeated. */
export class DroppedParams {
  readonly #names = new Set<string>();

  add(name: string): void {
    if (this.#names.size < MAX_NAMES) this.#names.add(HEADER_SAFE.test(name) ? name : 'unknown');
  }

  /** Each name once, in code unit order. */
  list(): readonly string[] {
    return [...this.#names].sort();
  }
}
