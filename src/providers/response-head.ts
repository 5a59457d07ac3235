import { type ResponseHeaders } from '../kernel/upstream.js';

/** Goes through header lines, `name: value\r\n` each, without taking apart what nobody asks for. */
export class HeaderCursor {
  #from = 0;
  #colon = 0;
  #end = -2;

  constructor(private readonly lines: string) {}

  /** Moves to the next line, the first one to begin with; false where there is none. */
  next(): boolean {
    this.#from = this.#end + 2;
    if (this.#from >= this.lines.length) return false;
    this.#colon = this.lines.indexOf(':', this.#from);
    this.#end = this.lines.indexOf('\r', this.#colon);
    return true;
  }

  /** Whether this line's name is `name`, given in lower case. */
  is(name: string): boolean {
    return this.#colon - this.#from === name.length && this.name === name;
  }

  /** In lower case. */
  get name(): string {
    return this.lines.slice(this.#from, this.#colon).toLowerCase();
  }

  /** Without the spaces and tabs around it: what else `trim` takes away is a part of it (RFC 9110, 5.5). */
  get value(): string {
    let [from, to] = [this.#colon + 1, this.#end];
    while (from < to && isBlank(this.lines.charCodeAt(from))) from++;
    while (to > from && isBlank(this.lines.charCodeAt(to - 1))) to--;
    return this.lines.slice(from, to);
  }
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** Status and headers of an upstream's answer; headers are decoded only when asked for. */
export class ResponseHead {
  constructor(
    readonly status: number,
    /** `name: value\r\n`, line by line, as received. */
    private readonly lines: string,
  ) {}

  /** A head that no server sent. */
  static of(status: number, headers: Readonly<Record<string, string>>): ResponseHead {
    let lines = '';
    for (const name in headers) lines += `${name}: ${headers[name] ?? ''}\r\n`;
    return new ResponseHead(status, lines);
  }

  /** Whether an answer follows, and not why there is none. */
  get isGood(): boolean {
    return this.status >= 200 && this.status <= 299;
  }

  /** The value of a header, of a repeated one the last; undefined where it is absent. `name` in lower case. */
  get(name: string): string | undefined {
    let value: string | undefined;
    for (const line = this.cursor(); line.next();) if (line.is(name)) value = line.value;
    return value;
  }

  all(): ResponseHeaders {
    const headers: Record<string, string> = Object.create(null) as Record<string, string>;
    for (const line = this.cursor(); line.next();) headers[line.name] = line.value;
    return headers;
  }

  cursor(): HeaderCursor {
    return new HeaderCursor(this.lines);
  }
}
