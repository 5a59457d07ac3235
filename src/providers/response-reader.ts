import { type Framing, framingOf, keepAliveMs } from './response-framing.js';
import { ResponseHead } from './response-head.js';

/** A header block that no honest upstream needs, bytes; of trailers as well. */
const MAX_HEADER_BYTES = 32 * 1024;
/** Digits of a chunk's size: up to 4 GiB. */
const MAX_SIZE_DIGITS = 8;
/** What may stand behind a chunk's size, bytes. */
const MAX_EXTENSION_BYTES = 1024;

const PROTOCOL = Buffer.from('HTTP/1.');
const HEAD_END = Buffer.from('\r\n\r\n');
/** A status line; then lines that are a token, a colon and a value without control characters: no folding, no bare line feed. */
const HEAD =
  /^HTTP\/1\.[01] [1-5]\d\d(?: [\t\x20-\x7e\x80-\xff]*)?\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*$/;
/** Where the digits of a status line stand: `HTTP/1.1 200`. */
const MINOR_VERSION = 7;
const STATUS = 9;

const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;

const NO_CONTENT = 204;
const NOT_MODIFIED = 304;
const SWITCHING_PROTOCOLS = 101;

/** What is to be read next: `length` is a body of a known length, `none` says that no answer is expected. */
type Part =
  | 'head'
  | 'length'
  | 'untilClose'
  | 'chunkSize'
  | 'chunkExtension'
  | 'chunkSizeEnd'
  | 'chunk'
  | 'chunkEnd'
  | 'trailers'
  | 'none';

/** Who takes an answer apart that a reader has understood. */
export interface ResponseSink {
  head(head: ResponseHead): void;
  /** The bytes are the sink's: nobody writes to them any more. */
  body(bytes: Buffer): void;
  /** @param keepAliveMs how long the connection may be kept for another request, ms; 0 where it may not */
  end(keepAliveMs: number): void;
  /** As `body` and `end`, for a body that came at once. The bytes are lent for this call: they are overwritten after it. */
  whole(bytes: Buffer, keepAliveMs: number): void;
}

/**
 * Reads answers from the bytes of one connection, split anywhere (RFC 9112). Strict, because what two servers understand
 * differently can be used to slip an answer in: one length, which is no other's; no length beside chunks; no folded
 * lines, no bare line feeds; and no byte that nobody asked for. Interim answers are passed over.
 */
export class ResponseReader {
  #part: Part = 'none';
  /** Bytes of a head that is not whole yet. */
  #pending: Buffer | undefined;
  /** Bytes of the body, or of the chunk, still to come; and of the whole body, where they were announced. */
  #left = 0;
  #length = 0;
  /** Digits of a chunk's size, bytes of an extension, or bytes of trailers, read so far. */
  #read = 0;
  /** Of trailers: bytes of the line that is read. */
  #line = 0;
  #lastByte = 0;
  #keepAliveMs = 0;

  constructor(private readonly sink: ResponseSink) {}

  /** A request was sent: an answer is expected. */
  expect(): void {
    this.#part = 'head';
  }

  /**
   * Takes what was received; `bytes` may be overwritten afterwards.
   * @returns false where it is no answer, or more than one: the connection is then good for nothing
   */
  push(bytes: Buffer): boolean {
    let at = 0;
    while (at < bytes.length) {
      switch (this.#part) {
        case 'head':
          at = this.#head(bytes, at);
          break;
        case 'length':
        case 'untilClose':
          at = this.#bodyBytes(bytes, at);
          break;
        case 'none':
          return false;
        default:
          at = this.#chunks(bytes, at);
      }
      if (at < 0) return false;
    }
    return true;
  }

  /** The connection has ended. @returns whether the answer was whole by that */
  close(): boolean {
    if (this.#part !== 'untilClose') return false;
    this.#end();
    return true;
  }

  /** @returns where the body begins, or -1 */
  #head(bytes: Buffer, from: number): number {
    // Mostly the whole head comes at once: then nothing is copied.
    const known = this.#pending;
    const head = known === undefined ? bytes : Buffer.concat([known, bytes.subarray(from)]);
    const start = known === undefined ? from : 0;
    const end = head.indexOf(HEAD_END, Math.max(start, (known?.length ?? 0) - HEAD_END.length));
    const length = (end < 0 ? head.length : end) - start;
    if (length > MAX_HEADER_BYTES || !beginsAsAnswer(head, start)) return -1;
    if (end < 0) {
      this.#pending = known === undefined ? Buffer.from(bytes.subarray(from)) : head;
      return bytes.length;
    }
    this.#pending = undefined;
    if (!this.#understood(head.toString('latin1', start, end + 2))) return -1;
    return from + end + HEAD_END.length - start - (known?.length ?? 0);
  }

  /** @param text status line and header lines, each with its line end */
  #understood(text: string): boolean {
    if (!HEAD.test(text)) return false;
    const lines = text.slice(text.indexOf('\r\n') + 2);
    const head = new ResponseHead(Number(text.slice(STATUS, STATUS + 3)), lines);
    if (head.status < 200) return head.status !== SWITCHING_PROTOCOLS;
    const framing = framingOf(head);
    if (!framing) return false;
    this.#frame(head.status, framing);
    this.#keepAliveMs = this.#part !== 'untilClose' && text.charAt(MINOR_VERSION) === '1' ? keepAliveMs(framing) : 0;
    this.sink.head(head);
    if (this.#part === 'length' && this.#left === 0) this.#end();
    return true;
  }

  /** Where the body ends. */
  #frame(status: number, { length, isChunked }: Framing): void {
    const isEmpty = status === NO_CONTENT || status === NOT_MODIFIED;
    if (isChunked && !isEmpty) this.#beginChunk();
    else if (length === undefined && !isEmpty) this.#part = 'untilClose';
    else {
      this.#part = 'length';
      this.#left = this.#length = isEmpty ? 0 : (length ?? 0);
    }
  }

  #bodyBytes(bytes: Buffer, from: number): number {
    const isBounded = this.#part === 'length';
    const to = isBounded ? Math.min(bytes.length, from + this.#left) : bytes.length;
    const piece = bytes.subarray(from, to);
    if (isBounded && piece.length === this.#length) {
      this.#part = 'none';
      this.sink.whole(piece, this.#keepAliveMs);
      return to;
    }
    this.sink.body(Buffer.from(piece));
    if (isBounded) {
      this.#left -= piece.length;
      if (this.#left === 0) this.#end();
    }
    return to;
  }

  /** The chunks of one read leave together. @returns where the rest begins, or -1 */
  #chunks(bytes: Buffer, from: number): number {
    const room = Buffer.allocUnsafe(bytes.length - from);
    let filled = 0;
    let at = from;
    while (at < bytes.length && this.#part !== 'none') {
      if (this.#part === 'chunk') {
        const to = Math.min(bytes.length, at + this.#left);
        bytes.copy(room, filled, at, to);
        filled += to - at;
        this.#left -= to - at;
        if (this.#left === 0) this.#part = 'chunkEnd';
        at = to;
      } else if (!this.#framingByte(bytes[at++] ?? 0)) {
        at = -1;
        break;
      }
    }
    if (filled > 0) this.sink.body(room.subarray(0, filled));
    if (this.#part === 'none') this.sink.end(this.#keepAliveMs);
    return at;
  }

  /** One byte between the contents of chunks. @returns false where it is out of place */
  #framingByte(byte: number): boolean {
    switch (this.#part) {
      case 'chunkSize':
        return this.#sizeByte(byte);
      case 'chunkExtension':
        if (byte === CR) this.#part = 'chunkSizeEnd';
        return byte !== LF && ++this.#read <= MAX_EXTENSION_BYTES;
      case 'chunkSizeEnd':
        this.#part = this.#left > 0 ? 'chunk' : 'trailers';
        this.#read = this.#line = 0;
        this.#lastByte = LF;
        return byte === LF;
      case 'chunkEnd':
        if (byte === CR && this.#lastByte !== CR) {
          this.#lastByte = CR;
          return true;
        }
        if (byte !== LF || this.#lastByte !== CR) return false;
        this.#beginChunk();
        return true;
      default:
        return this.#trailerByte(byte);
    }
  }

  #sizeByte(byte: number): boolean {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      this.#left = this.#left * 16 + digit;
      return ++this.#read <= MAX_SIZE_DIGITS;
    }
    const hasDigits = this.#read > 0;
    this.#read = 0;
    if (byte === CR) this.#part = 'chunkSizeEnd';
    else if (byte === SEMICOLON) this.#part = 'chunkExtension';
    else return false;
    return hasDigits;
  }

  /** Trailers are passed over: lines up to an empty one. */
  #trailerByte(byte: number): boolean {
    const afterCr = this.#lastByte === CR;
    this.#lastByte = byte;
    if (++this.#read > MAX_HEADER_BYTES || afterCr !== (byte === LF)) return false;
    if (byte === LF) {
      if (this.#line === 0) this.#part = 'none';
      this.#line = 0;
    } else if (byte !== CR) this.#line++;
    return true;
  }

  #beginChunk(): void {
    this.#part = 'chunkSize';
    this.#left = this.#read = this.#lastByte = 0;
  }

  #end(): void {
    this.#part = 'none';
    this.sink.end(this.#keepAliveMs);
  }
}

function beginsAsAnswer(bytes: Buffer, from: number): boolean {
  const length = Math.min(PROTOCOL.length, bytes.length - from);
  return bytes.compare(PROTOCOL, 0, length, from, from + length) === 0;
}

/** The value of a hexadecimal digit, or -1. */
function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
