import { isUtf8 } from 'node:buffer';
import { type IncomingMessage } from 'node:http';
import secureJson from 'secure-json-parse';
import { GatewayError } from '../kernel/gateway-error.js';
import { JsonDocument } from '../kernel/json-document.js';
import { ChatRequest, type ChatRequestBody, FORBIDDEN_MEMBERS } from '../kernel/openai.js';
import { findContext } from './context-slot.js';

/**
 * Reads a chat request's body: bounded, valid UTF-8, bounded depth, no name twice, no prototype tricks.
 * The request keeps its bytes; what is returned is what Fastify's compiled schema then validates.
 * @throws GatewayError request_too_large, invalid_json, invalid_value
 */
export async function readChatBody(raw: IncomingMessage): Promise<unknown> {
  const ctx = findContext(raw);
  if (!ctx) throw new GatewayError('not_found');
  const { limits, guardrails } = ctx.snapshot;
  const bytes = await readAll(raw, Math.min(limits.bodyBytes, guardrails.input.maxBytes));
  if (!isUtf8(bytes)) throw new GatewayError('invalid_json', { message: 'The body is not valid UTF-8.' });
  const document = JsonDocument.scan(bytes, guardrails.input.maxDepth);
  const body = parse(bytes);
  for (const member of FORBIDDEN_MEMBERS) {
    if (member in body) {
      throw new GatewayError('invalid_value', { message: `The member '${member}' is not accepted.`, param: member });
    }
  }
  ctx.request = new ChatRequest(body as ChatRequestBody, document);
  return body;
}

function parse(bytes: Buffer): object {
  try {
    const body: unknown = secureJson.parse(bytes.toString(), { protoAction: 'error', constructorAction: 'error' });
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body;
  } catch (error) {
    throw new GatewayError('invalid_json', { cause: error });
  }
  throw new GatewayError('invalid_json', { message: 'The body must be a JSON object.' });
}

function readAll(raw: IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    raw.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else {
        raw.pause();
        raw.removeAllListeners('data');
        reject(tooLarge(limit));
      }
    });
    raw.once('end', () => {
      const [only] = chunks;
      resolve(chunks.length === 1 && only ? only : Buffer.concat(chunks, size));
    });
    raw.once('error', () => reject(new GatewayError('bad_request')));
  });
}

/** The refusal of a body over the limit, bytes. */
export function tooLarge(limit: number): GatewayError {
  return new GatewayError('request_too_large', { message: `The request body is larger than ${limit} bytes.` });
}
