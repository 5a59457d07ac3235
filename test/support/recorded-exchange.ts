import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type HttpResponse, readResponse } from './http-response.js';

const FOLDER = join(import.meta.dirname, '..', 'fixtures', 'upstreams');

/** Engines whose exchanges were recorded, raw. */
export type RecordedServer = 'vllm-0.32.0' | 'llama-server';

/** One exchange with a real engine, as it went over the wire. */
export interface RecordedExchange {
  readonly name: string;
  /** `POST /v1/chat/completions` */
  readonly route: string;
  /** The request, whole. */
  readonly requestBytes: Buffer;
  readonly requestBody: Buffer;
  /** The answer with its framing. */
  readonly responseBytes: Buffer;
  readonly response: HttpResponse;
}

/** Every exchange with a server that begins with a request of a given path. */
export function recordedExchanges(server: RecordedServer, path: RegExp): RecordedExchange[] {
  return readdirSync(join(FOLDER, server))
    .filter((file) => file.endsWith('.request.http'))
    .map((file) => file.slice(0, -'.request.http'.length))
    .filter((name) => path.test(requestLine(server, name)))
    .map((name) => recordedExchange(server, name));
}

/** @throws where nothing was recorded under that name */
export function recordedExchange(server: RecordedServer, name: string): RecordedExchange {
  const requestBytes = expand(readFileSync(join(FOLDER, server, `${name}.request.http`)));
  const responseBytes = recordedAnswer(server, name);
  return {
    name,
    route: requestLine(server, name).split(' ').slice(0, 2).join(' '),
    requestBytes,
    requestBody: requestBytes.subarray(requestBytes.indexOf('\r\n\r\n') + 4),
    responseBytes,
    response: readResponse(responseBytes, true)!.response,
  };
}

/** The bytes of an answer: those of a death or of an overload have no request of their own. */
export function recordedAnswer(server: RecordedServer, name: string): Buffer {
  return readFileSync(join(FOLDER, server, `${name}.http`));
}

function requestLine(server: RecordedServer, name: string): string {
  const bytes = readFileSync(join(FOLDER, server, `${name}.request.http`));
  return bytes.toString('latin1', 0, bytes.indexOf('\r\n'));
}

/** Long bodies were recorded with their middle left out (`...[30082 bytes]...`): as long again as they said. */
function expand(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1');
  const gap = /\.\.\.\[(\d+) bytes\]\.\.\./.exec(text);
  if (!gap) return bytes;
  const missing = Number(gap[1]) - (bytes.length - text.indexOf('\r\n\r\n') - 4 - gap[0].length);
  return Buffer.from(text.replace(gap[0], 'x'.repeat(missing)), 'latin1');
}
