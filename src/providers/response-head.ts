import { type ResponseHeaders } from '../kernel/upstream.js';

/** Status and headers of an upstream's answer; headers are decoded only when asked for. */
export class ResponseHead {
  #lowerCase: string | undefined;

  constructor(
    readonly status: number,
    /** `name: value\r\n`, line by line, as received. */
    private readonly lines: string,
  ) {}

  /** Whether an answer follows, and not why there is none. */
  get isGood(): boolean {
    return this.status >= 200 && this.status <= 299;
  }

  /** A head that no server sent. */
  static of(status: number, headers: Readonly<Record<string, string>>): ResponseHead {
    let lines = '';
    for (const name in headers) lines += `${name}: ${headers[name] ?? ''}\r\n`;
    return new ResponseHead(status, lines);
  }

  /** The value of a header, of a repeated one the last; undefined where it is absent. `name` in lower case. */
  get(name: string): string | undefined {
    const at = this.#find(name, this.lines.length);
    if (at < 0) return undefined;
    const from = at + name.length + 1;
    return this.lines.slice(from, this.lines.indexOf('\r\n', from)).trim();
  }

  /** Whether a header came more than once. */
  isRepeated(name: string): boolean {
    const last = this.#find(name, this.lines.length);
    return last > 0 && this.#find(name, last - 2) >= 0;
  }

  all(): ResponseHeaders {
    const headers: Record<string, string> = Object.create(null) as Record<string, string>;
    for (const line of this.lines.split('\r\n')) {
      const colon = line.indexOf(':');
      if (colon > 0) headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    return headers;
  }

  /** Where the last line with this name begins, at or before an index; -1 where there is none. */
  #find(name: string, before: number): number {
    const lower = (this.#lowerCase ??= this.lines.toLowerCase());
    const at = lower.lastIndexOf(`\n${name}:`, before);
    if (at >= 0) return at + 1;
    return lower.startsWith(`${name}:`) ? 0 : -1;
  }
}
