import { UpstreamFailure } from '../kernel/upstream.js';

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const BOM = '\uFEFF';

/** One event of a stream: the joined `data` lines, and the name where the stream names its events. */
export interface SseEvent {
  readonly data: string;
  readonly event: string | undefined;
}

/**
 * Bytes to server-sent events, as the HTML standard's "parsing an event stream" says. The same events come out
 * however the bytes are cut: inside a CRLF, a UTF-8 sequence, a field name. `id` and `retry` are read over: nothing
 * here reconnects. What arrived is decoded once per read, up to its last line end; only an unfinished line waits
 * as bytes.
 */
export class SseDecoder {
  /** The unfinished line, in the pieces it came in. */
  #tail: Buffer[] = [];
  #tailBytes = 0;
  /** Bytes of the unfinished event's finished lines. */
  #heldBytes = 0;
  #data: string | undefined;
  #event: string | undefined;
  #atStart = true;
  /** The last read ended in a CR: a LF that follows belongs to it. */
  #afterCr = false;

  /** @param maxEventBytes the most that one event may hold, its field names and line ends included; a byte that is no UTF-8 may count as three */
  constructor(private readonly maxEventBytes = 1 << 20) {}

  /**
   * Appends the events that the chunk completes to `out`; those before one that is too large, too. Keeps a view of the chunk, which must not be reused.
   * @throws UpstreamFailure too_large; the decoder is of no use afterwards
   */
  push(chunk: Buffer, out: SseEvent[]): void {
    if (chunk.length === 0) return;
    const start = this.#afterCr && chunk[0] === LF ? 1 : 0;
    this.#afterCr = chunk[chunk.length - 1] === CR;
    const end = Math.max(chunk.lastIndexOf(LF), chunk.lastIndexOf(CR)) + 1;
    if (end > start) this.#lines(this.#take(chunk.subarray(start, end)), out);
    this.#keep(end > start ? chunk.subarray(end) : chunk.subarray(start));
  }

  /**
   * The answer ended in good order: an event that lacks only its line ends counts.
   * Not to be called for a connection that died, whose last event may be half of one.
   */
  end(out: SseEvent[]): void {
    if (this.#tailBytes > 0) this.#lines(this.#take(Buffer.of(LF)), out);
    this.#dispatch(out);
  }

  #keep(rest: Buffer): void {
    if (rest.length === 0) return;
    if (this.#heldBytes + this.#tailBytes + rest.length > this.maxEventBytes) throw tooLarge();
    this.#tail.push(rest);
    this.#tailBytes += rest.length;
  }

  /** The unfinished line and what completes it. */
  #take(lines: Buffer): Buffer {
    if (this.#tailBytes === 0) return lines;
    this.#tail.push(lines);
    const whole = Buffer.concat(this.#tail, this.#tailBytes + lines.length);
    this.#tail = [];
    this.#tailBytes = 0;
    return whole;
  }

  /** @param bytes whole lines */
  #lines(bytes: Buffer, out: SseEvent[]): void {
    // No event among these lines can be too large where all of them together are not.
    const measure = this.#heldBytes + bytes.length > this.maxEventBytes;
    const text = this.#text(bytes);
    let eventStart = 0;
    let at = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', at)) {
      if (end > at) {
        this.#line(text, at, end);
        at = end + 1;
        continue;
      }
      at = end + 1;
      if (measure) this.#measure(text, eventStart, at);
      this.#dispatch(out);
      eventStart = at;
    }
    if (eventStart < at) this.#heldBytes = this.#measure(text, eventStart, at);
  }

  /** The bytes of the event so far. */
  #measure(text: string, start: number, end: number): number {
    const bytes = this.#heldBytes + Buffer.byteLength(text.slice(start, end));
    if (bytes > this.maxEventBytes) throw tooLarge();
    return bytes;
  }

  /** The lines, each ended by one LF. */
  #text(bytes: Buffer): string {
    let text = bytes.toString('utf8');
    if (this.#atStart) {
      this.#atStart = false;
      if (text.startsWith(BOM)) text = text.slice(1);
    }
    return bytes.includes(CR) ? text.replace(/\r\n?/g, '\n') : text;
  }

  #line(text: string, at: number, end: number): void {
    if (text.startsWith('data:', at)) this.#append(valueOf(text, at + 5, end));
    else if (text.startsWith('event:', at)) this.#event = valueOf(text, at + 6, end);
    // A name without a colon is a field with an empty value.
    else if (end - at === 4 && text.startsWith('data', at)) this.#append('');
    else if (end - at === 5 && text.startsWith('event', at)) this.#event = '';
  }

  #append(value: string): void {
    this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
  }

  #dispatch(out: SseEvent[]): void {
    const data = this.#data;
    const event = this.#event;
    this.#heldBytes = 0;
    this.#data = this.#event = undefined;
    if (data !== undefined) out.push({ data, event: event === '' ? undefined : event });
  }
}

function valueOf(text: string, at: number, end: number): string {
  return text.slice(text.charCodeAt(at) === SPACE ? at + 1 : at, end);
}

function tooLarge(): UpstreamFailure {
  return new UpstreamFailure('fault', 'too_large', 'elsewhere');
}
