/** A response as it came over the wire, its framing taken off. */
export interface HttpResponse {
  readonly status: number;
  /** Names in lower case; of a repeated one all values, joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The framing says that nothing is missing. */
  readonly complete: boolean;
}

const HEAD_END = '\r\n\r\n';

/**
 * Reads one response off the front of the bytes.
 * @param atEnd nothing more comes: a body that is cut, or framed by the end alone, counts as far as it got
 * @returns the response and what follows it, or undefined while more is needed
 */
export function readResponse(bytes: Buffer, atEnd: boolean): { response: HttpResponse; rest: Buffer } | undefined {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) return undefined;
  const [statusLine, ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine!)?.[1]);
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  const { body, complete, used } = readBody(bytes.subarray(headEnd + HEAD_END.length), status, headers);
  if (!complete && !atEnd) return undefined;
  return {
    response: { status, headers, body, complete },
    rest: bytes.subarray(headEnd + HEAD_END.length + used),
  };
}

interface Body {
  readonly body: Buffer;
  readonly complete: boolean;
  readonly used: number;
}

function readBody(bytes: Buffer, status: number, headers: Readonly<Record<string, string>>): Body {
  if (status < 200 || status === 204 || status === 304) return { body: Buffer.alloc(0), complete: true, used: 0 };
  if (headers['transfer-encoding'] === 'chunked') return readChunks(bytes);
  const length = Number(headers['content-length'] ?? Infinity);
  const body = bytes.subarray(0, length);
  return { body, complete: body.length === length, used: body.length };
}

function readChunks(bytes: Buffer): Body {
  const pieces: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const size = lineEnd < 0 ? NaN : parseInt(bytes.toString('latin1', at, lineEnd), 16);
    const end = lineEnd + 2 + size + 2;
    if (Number.isNaN(size) || end > bytes.length) return { body: Buffer.concat(pieces), complete: false, used: at };
    if (size === 0) return { body: Buffer.concat(pieces), complete: true, used: end };
    pieces.push(bytes.subarray(lineEnd + 2, end - 2));
    at = end;
  }
}

/** The data of each server-sent event, in a stream that writes each as one line. */
export function payloadsOf(body: Buffer): string[] {
  return body
    .toString()
    .split('\n\n')
    .filter((event) => event.startsWith('data: '))
    .map((event) => event.slice('data: '.length));
}
