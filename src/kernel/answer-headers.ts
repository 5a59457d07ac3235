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

  /** Name, value, name, value …, as they are written: the list itself, to which the writer adds what an answer has besides. */
  takeList(): string[] {
    if (this.#late) this.#list.push(this.#late.name, this.#late.value());
    this.#late = undefined;
    return this.#list;
  }

  /** The same by name. */
  toObject(): Record<string, string> {
    const list = this.takeList();
    const headers: Record<string, string> = {};
    for (let at = 0; at < list.length; at += 2) headers[list[at] ?? ''] = list[at + 1] ?? '';
    return headers;
  }
}
