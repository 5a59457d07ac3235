import { describe, expect, it } from 'vitest';
import { type ResponseHead } from './response-head.js';
import { ResponseReader } from './response-reader.js';

/** What a reader told of the bytes that it was given. */
class Told {
  readonly statuses: number[] = [];
  readonly kept: Buffer[] = [];
  pieces = 0;
  /** Bodies that came at once. */
  wholes = 0;
  /** For how long the connection may be kept after each answer, ms. */
  readonly ends: number[] = [];
  head: ResponseHead | undefined;
  readonly reader: ResponseReader = new ResponseReader({
    head: (head) => {
      this.head = head;
      this.statuses.push(head.status);
    },
    body: (bytes) => {
      this.pieces++;
      this.kept.push(bytes);
    },
    end: (keepAliveMs) => void this.ends.push(keepAliveMs),
    whole: (bytes, keepAliveMs) => {
      this.wholes++;
      this.kept.push(Buffer.from(bytes));
      this.ends.push(keepAliveMs);
    },
  });

  static of(...parts: readonly string[]): Told & { readonly understood: boolean } {
    const told = new Told();
    told.reader.expect();
    // The room that a connection reads into is used again: whatever is kept of it must be a copy.
    const room = Buffer.alloc(256 * 1024);
    const understood = parts.every((part) => {
      const size = room.write(part, 'latin1');
      const taken = told.reader.push(room.subarray(0, size));
      room.fill('#', 0, size);
      return taken;
    });
    return Object.assign(told, { understood });
  }

  /** Read when the reader is done with its room: it must have told of nothing that lies in there. */
  get body(): string {
    return Buffer.concat(this.kept).toString('latin1');
  }

  get summary() {
    return { statuses: this.statuses, body: this.body, ends: this.ends };
  }
}

const bytesOf = (text: string): string[] => Array.from(text);

const OK = 'HTTP/1.1 200 OK\r\n';
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;

/** What arrives, and what it says. */
const ANSWERS: readonly (readonly [string, string, { statuses: number[]; body: string; ends: number[] }])[] = [
  ['a length', `${OK}Content-Length: 5\r\n\r\nhello`, { statuses: [200], body: 'hello', ends: [4_000] }],
  ['a length of nothing', `${OK}Content-Length: 0\r\n\r\n`, { statuses: [200], body: '', ends: [4_000] }],
  ['an empty reason', 'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n', { statuses: [200], body: '', ends: [4_000] }],
  ['no reason', 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', { statuses: [200], body: '', ends: [4_000] }],
  ['no content', 'HTTP/1.1 204 No Content\r\n\r\n', { statuses: [204], body: '', ends: [4_000] }],
  ['not modified', 'HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n', { statuses: [304], body: '', ends: [4_000] }],
  [
    'chunks',
    `${CHUNKED}5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n`,
    { statuses: [200], body: 'hello world', ends: [4_000] },
  ],
  [
    'a chunk of 26 bytes',
    `${CHUNKED}1a\r\n${'x'.repeat(26)}\r\n0\r\n\r\n`,
    { statuses: [200], body: 'x'.repeat(26), ends: [4_000] },
  ],
  [
    'upper case',
    `${OK}TRANSFER-ENCODING: CHUNKED\r\n\r\nA\r\n${'x'.repeat(10)}\r\n0\r\n\r\n`,
    { statuses: [200], body: 'x'.repeat(10), ends: [4_000] },
  ],
  ['chunk extensions', `${CHUNKED}2;a=b;c="d"\r\nhi\r\n0;e\r\n\r\n`, { statuses: [200], body: 'hi', ends: [4_000] }],
  [
    'trailers',
    `${CHUNKED}2\r\nhi\r\n0\r\nExpires: never\r\nX: y\r\n\r\n`,
    { statuses: [200], body: 'hi', ends: [4_000] },
  ],
  [
    'interim answers',
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${OK}Content-Length: 2\r\n\r\nhi`,
    { statuses: [200], body: 'hi', ends: [4_000] },
  ],
  [
    'a body of line ends',
    `${OK}Content-Length: 6\r\n\r\n\r\n\r\n\r\n`,
    { statuses: [200], body: '\r\n\r\n\r\n', ends: [4_000] },
  ],
  [
    'Connection: close',
    `${OK}Connection: Close\r\nContent-Length: 2\r\n\r\nhi`,
    { statuses: [200], body: 'hi', ends: [0] },
  ],
  [
    'close among others',
    `${OK}Connection: x, close\r\nContent-Length: 2\r\n\r\nhi`,
    { statuses: [200], body: 'hi', ends: [0] },
  ],
  [
    'close in the first of two headers',
    `${OK}Connection: close\r\nConnection: x\r\nContent-Length: 2\r\n\r\nhi`,
    { statuses: [200], body: 'hi', ends: [0] },
  ],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi', { statuses: [200], body: 'hi', ends: [0] }],
  [
    'a short keep-alive',
    `${OK}Keep-Alive: timeout=3, max=9\r\nContent-Length: 2\r\n\r\nhi`,
    { statuses: [200], body: 'hi', ends: [2_000] },
  ],
  [
    'a long keep-alive',
    `${OK}Keep-Alive: timeout=60\r\nContent-Length: 2\r\n\r\nhi`,
    { statuses: [200], body: 'hi', ends: [4_000] },
  ],
  [
    'a keep-alive of no use',
    `${OK}Keep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nhi`,
    { statuses: [200], body: 'hi', ends: [0] },
  ],
];

describe('a reader of answers', () => {
  it.each(ANSWERS)('understands %s', (_what, text, said) => {
    const told = Told.of(text);
    expect(told.understood).toBe(true);
    expect(told.summary).toEqual(said);
  });

  it.each(ANSWERS)('understands %s, wherever one boundary falls, and byte by byte', (_what, text, said) => {
    for (let at = 1; at < text.length; at++) {
      const told = Told.of(text.slice(0, at), text.slice(at));
      expect([told.understood, told.summary], `cut at ${at}`).toEqual([true, said]);
    }
    expect(Told.of(...bytesOf(text)).summary).toEqual(said);
  });

  it('reads one answer after the other on a connection', () => {
    const told = Told.of(`${OK}Content-Length: 2\r\n\r\nhi`);
    told.reader.expect();
    expect(told.reader.push(Buffer.from(`${CHUNKED}3\r\nyou\r\n0\r\n\r\n`))).toBe(true);
    expect(told.summary).toEqual({ statuses: [200, 200], body: 'hiyou', ends: [4_000, 4_000] });
  });

  it('hands on the chunks of one read as one piece', () => {
    expect(Told.of(CHUNKED, '1\r\na\r\n1\r\nb\r\n1\r\nc\r\n', '0\r\n\r\n').pieces).toBe(1);
  });

  it.each([
    ['with its head', [`${OK}Content-Length: 5\r\n\r\nhello`]],
    ['behind its head', [`${OK}Content-Length: 5\r\n\r\n`, 'hello']],
  ])('lends a body that came at once, %s', (_when, parts) => {
    const told = Told.of(...parts);
    expect([told.wholes, told.pieces]).toEqual([1, 0]);
    expect(told.summary).toEqual({ statuses: [200], body: 'hello', ends: [4_000] });
  });

  it('hands on in pieces a body that came in pieces', () => {
    const told = Told.of(`${OK}Content-Length: 5\r\n\r\nhel`, 'lo');
    expect([told.wholes, told.pieces]).toEqual([0, 2]);
  });

  it('takes a body without a length to be whole when the connection ends, and keeps no such connection', () => {
    const told = Told.of(`${OK}\r\nhello`, ' world');
    expect(told.ends).toEqual([]);
    expect(told.reader.close()).toBe(true);
    expect(told.summary).toEqual({ statuses: [200], body: 'hello world', ends: [0] });
  });

  it.each([
    ['before the head', ''],
    ['within the head', `${OK}Content-`],
    ['within a length', `${OK}Content-Length: 5\r\n\r\nhel`],
    ['within chunks', `${CHUNKED}5\r\nhello\r\n`],
    ['within trailers', `${CHUNKED}0\r\nX: y\r\n`],
  ])('takes an answer for cut off that ends %s', (_where, text) => {
    const told = Told.of(...(text === '' ? [] : [text]));
    expect(told.reader.close()).toBe(false);
    expect(told.ends).toEqual([]);
  });

  it.each([
    ['no HTTP', 'SSH-2.0-OpenSSH_9.9\r\n'],
    ['HTTP/2', 'HTTP/2 200 OK\r\n\r\n'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['a status beyond 599', `HTTP/1.1 999 x\r\n\r\n`],
    ['a status of letters', 'HTTP/1.1 2OO OK\r\n\r\n'],
    ['a switch of protocols', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n'],
    ['a bare line feed', `${OK}x: a\nSet-Cookie: b\r\n\r\n`],
    ['line feeds alone', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n\r\n\r\n'],
    ['a bare carriage return', `${OK}x: a\rb\r\n\r\n`],
    ['a null byte', `${OK}x: a\0b\r\n\r\n`],
    ['a folded line', `${OK}x: a\r\n b\r\n\r\n`],
    ['a space before a colon', `${OK}Content-Length : 0\r\n\r\n`],
    ['a line without a colon', `${OK}hello\r\n\r\n`],
    ['a name of no token', `${OK}a b: c\r\n\r\n`],
    ['no name', `${OK}: c\r\n\r\n`],
    ['two lengths', `${OK}Content-Length: 1\r\ncontent-length: 2\r\n\r\nhi`],
    ['the same length twice', `${OK}Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi`],
    ['a list of lengths', `${OK}Content-Length: 2, 2\r\n\r\nhi`],
    ['a negative length', `${OK}Content-Length: -1\r\n\r\n`],
    ['a length with a sign', `${OK}Content-Length: +2\r\n\r\nhi`],
    ['a length in hexadecimal', `${OK}Content-Length: 0x2\r\n\r\nhi`],
    ['a length beyond counting', `${OK}Content-Length: 9999999999999999\r\n\r\nhi`],
    ['no length', `${OK}Content-Length:\r\n\r\n`],
    ['a length behind a no-break space', `${OK}Content-Length: \xa02\r\n\r\nhi`],
    ['a coding before a no-break space', `${OK}Transfer-Encoding: chunked\xa0\r\n\r\n0\r\n\r\n`],
    ['a length and chunks', `${OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['a coding that nobody knows', `${OK}Transfer-Encoding: gzip\r\n\r\n`],
    ['two codings', `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
    ['a coding twice', `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['a chunk without a size', `${CHUNKED}\r\nhi\r\n`],
    ['a size that is none', `${CHUNKED}zz\r\nhi\r\n`],
    ['a size with a sign', `${CHUNKED}-2\r\nhi\r\n`],
    ['a size with a space', `${CHUNKED}2 \r\nhi\r\n`],
    ['a size in hexadecimal notation', `${CHUNKED}0x2\r\nhi\r\n`],
    ['a size beyond counting', `${CHUNKED}100000000\r\nhi`],
    ['a size ended by a line feed', `${CHUNKED}2\nhi\r\n`],
    ['a size ended by a carriage return alone', `${CHUNKED}2\rhi\r\n`],
    ['an extension without end', `${CHUNKED}2;${'x'.repeat(2_000)}`],
    ['an extension with a line feed', `${CHUNKED}2;a\nhi\r\n`],
    ['a chunk longer than its size', `${CHUNKED}2\r\nhiya\r\n0\r\n\r\n`],
    ['a chunk ended by a line feed', `${CHUNKED}2\r\nhi\n0\r\n\r\n`],
    ['a chunk ended by two carriage returns', `${CHUNKED}2\r\nhi\r\r\n0\r\n\r\n`],
    ['a trailer with a line feed', `${CHUNKED}0\r\nx: y\n\r\n`],
    ['a trailer with a carriage return', `${CHUNKED}0\r\nx: y\rz\r\n\r\n`],
    ['trailers without end', `${CHUNKED}0\r\n${'x: y\r\n'.repeat(10_000)}`],
    ['a head without end', `${OK}${'x: 1\r\n'.repeat(10_000)}`],
    ['a head larger than any', `${OK}x: ${'x'.repeat(40_000)}\r\n\r\n`],
    ['bytes behind its length', `${OK}Content-Length: 2\r\n\r\nhi!`],
    ['a second answer', `${OK}Content-Length: 2\r\n\r\nhi${OK}Content-Length: 2\r\n\r\nho`],
    ['bytes behind its chunks', `${CHUNKED}0\r\n\r\n!`],
    ['bytes behind no content', 'HTTP/1.1 204 x\r\n\r\nhi'],
  ])('refuses %s, whole and byte by byte', (_what, text) => {
    expect(Told.of(text).understood).toBe(false);
    expect(Told.of(...bytesOf(text)).understood).toBe(false);
  });

  it('is given nothing that it did not expect', () => {
    expect(new Told().reader.push(Buffer.from(`${OK}Content-Length: 2\r\n\r\nhi`))).toBe(false);
  });

  it('passes over more interim answers than a head has room for', () => {
    const interim = 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n'.repeat(1_000);
    expect(Told.of(interim, `${OK}Content-Length: 2\r\n\r\nhi`).summary.body).toBe('hi');
  });
});
