import { readFileSync } from 'node:fs';
import { type ResponseHeaders } from '../../src/kernel/upstream.js';

/** An upstream's recorded answer, its transfer coding taken off. */
export interface RecordedAnswer {
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly body: Buffer;
}

/** Reads `test/fixtures/upstreams/<server>/<name>.http`: status line, headers and body as they were received. */
export function recordedAnswer(server: string, name: string): RecordedAnswer {
  const bytes = readFileSync(new URL(`../fixtures/upstreams/${server}/${name}.http`, import.meta.url));
  const end = bytes.indexOf('\r\n\r\n');
  const [statusLine, ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const body = bytes.subarray(end + 4);
  const chunked = headers['transfer-encoding'] === 'chunked';
  return { status: Number(statusLine!.split(' ')[1]), headers, body: chunked ? dechunked(body) : body };
}

function dechunked(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length;) {
    const lineEnd = body.indexOf('\r\n', at);
    const size = parseInt(body.subarray(at, lineEnd).toString('latin1'), 16);
    if (size === 0) break;
    parts.push(body.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
  return Buffer.concat(parts);
}
