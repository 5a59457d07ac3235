/** Headers that an answer carries whatever it is: rate limits, budgets, what was done to the request. Each name once. */
export class AnswerHeaders {
  /** Name, value, name, value …: Node takes a flat list as it is. */
  readonly #list: string[] = [];
  #late: { readonly name: string; readonly value: () => string } | undefined;

  /** @param name in lower case */
  set(name: string, value: string): void {
    for (let at = 0; at < this.#list.length; at += 2) {
      if (this.#list[at] !== name) continue;
      this.#list[at + 1] = value;
      return;
    }
    this.#list.push(name, value);
  }

  /** One header whose value is known only when the headers are written. */
  setLate(name: string, value: () => string): void {
    this.#late = { name, value };
  }

  get(name: string): string | undefined {
    return this.toObject()[name];
  }

  /** Name, value, name, value …: the list itself, for who writes it with what an answer has besides. Nobody asks here any more. */
  takeList(): string[] {
    if (this.#late) this.#list.push(this.#late.name, this.#late.value());
    this.#late = undefined;
    return this.#list;
  }

  toObject(): Record<string, string> {
    const list = this.#list.slice();
    if (this.#late) list.push(this.#late.name, this.#late.value());
    const headers: Record<string, string> = {};
    for (let at = 0; at < list.length; at += 2) headers[list[at] ?? ''] = list[at + 1] ?? '';
    return headers;
  }
}
