// Reads the answers that the load generator gets, and says what is wrong with one.
const HEAD_END = Buffer.from('\r\n\r\n');
const CONTENT = ' word';
const CONTENT_EVENT = `"content":"${CONTENT}"`;

/** An HTTP/1.1 answer as it arrives: knows when it is whole. No pipelining: bytes belong to one answer. */
export class Answer {
  #chunks = [];
  #bytes = 0;
  #wholeBytes;
  #tail = '';
  chunked = false;
  headBytes = 0;

  /** @returns whether the answer is whole */
  add(bytes) {
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
    if (this.headBytes === 0) this.#readHead();
    if (this.headBytes === 0) return false;
    if (!this.chunked) return this.#bytes >= this.#wholeBytes;
    // The last chunk ends with an empty line that no JSON and no event stream has inside.
    this.#tail = (this.#tail + bytes.toString('latin1', Math.max(0, bytes.length - 7))).slice(-7);
    return this.#tail === '\r\n0\r\n\r\n';
  }

  #readHead() {
    const all = this.bytes();
    const end = all.indexOf(HEAD_END);
    if (end < 0) return;
    this.headBytes = end + HEAD_END.length;
    const head = all.toString('latin1', 0, end);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head);
    this.chunked = length === null;
    if (length) this.#wholeBytes = this.headBytes + Number(length[1]);
  }

  bytes() {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0];
  }

  status() {
    return Number(this.bytes().toString('latin1', 9, 12));
  }

  body() {
    const body = this.bytes().subarray(this.headBytes);
    return this.chunked ? withoutChunking(body) : body.toString('latin1');
  }
}

function withoutChunking(body) {
  const parts = [];
  for (let at = 0; at < body.length;) {
    const lineEnd = body.indexOf('\r\n', at);
    const size = parseInt(body.toString('latin1', at, lineEnd), 16);
    if (!(size > 0)) break;
    parts.push(body.toString('latin1', lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
  return parts.join('');
}

/** Refused by a gateway that was too busy: the machine's doing or the load's, but no wrong answer. */
export const isShed = (status, body) => status === 503 && body.includes('"overloaded"');

/** @returns what is wrong with a plain answer's body, or undefined */
export function faultOfJson(body) {
  try {
    const { choices, usage } = JSON.parse(body);
    if (typeof choices[0].message.content !== 'string') return 'no content';
    return usage.total_tokens > 0 ? undefined : 'no usage';
  } catch {
    return `body does not parse: ${body.slice(0, 200)}`;
  }
}

/** @returns what is wrong with a stream that must have `events` content events, usage and [DONE], or undefined */
export function faultOfStream(body, events) {
  if (!body.endsWith('data: [DONE]\n\n')) return `no [DONE]: …${body.slice(-200)}`;
  const content = countOf(body, CONTENT_EVENT);
  // A filter cuts its events elsewhere; what they say must be the same.
  if (content !== events && textOf(body) !== CONTENT.repeat(events))
    return `${content} content events in place of ${events}`;
  return body.includes('"total_tokens":') ? undefined : 'no usage chunk';
}

function textOf(body) {
  let text = '';
  for (const [, piece] of body.matchAll(/"content":"([^"]*)"/g)) text += piece;
  return text;
}

function countOf(text, part) {
  let count = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) count++;
  return count;
}
