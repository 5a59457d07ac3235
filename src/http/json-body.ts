import { type FastifyRequest } from 'fastify';
import { isUtf8 } from 'node:buffer';
import secureJson from 'secure-json-parse';
import { GatewayError } from '../kernel/gateway-error.js';
import { JsonDocument } from '../kernel/json-document.js';
import { ChatRequest, type ChatRequestBody, FORBIDDEN_MEMBERS } from '../kernel/openai.js';
import { type TurnBatch } from '../kernel/turn-batch.js';
import { BodyBytes } from './body-bytes.js';
import { findContext } from './context-slot.js';

const BYTE_ORDER_MARK = Buffer.from('\uFEFF');
const REFUSE_PROTOTYPES = { protoAction: 'error', constructorAction: 'error' } as const;

/** Called once: with what is wrong, or with the parsed body. */
export type BodyDone = (error: Error | null, body?: unknown) => void;

/**
 * Reads a chat request's body: bounded, valid UTF-8, bounded depth, no name twice, no prototype tricks.
 * The request keeps its bytes; what is handed on is what Fastify's compiled schema then validates.
 * Bodies that became whole in one turn of the event loop are understood, and their requests begun, one after the other.
 * Fails with GatewayError request_too_large, invalid_json, invalid_value.
 */
export function readChatBody(request: FastifyRequest, done: BodyDone, whole: TurnBatch): void {
  const ctx = findContext(request);
  if (!ctx) {
    done(new GatewayError('not_found'));
    return;
  }
  const { raw } = request;
  const { limits, guardrails } = ctx.snapshot;
  const limit = Math.min(limits.bodyBytes, guardrails.input.maxBytes);
  const body = new BodyBytes(Number(raw.headers['content-length'] ?? limit));
  raw.on('data', (chunk: Buffer) => {
    if (body.size + chunk.length <= limit) {
      body.add(chunk);
      return;
    }
    raw.pause();
    raw.removeAllListeners('data').removeAllListeners('end').removeAllListeners('error');
    done(tooLarge(limit));
  });
  const understand = (): void => {
    // Its caller has left: nothing was begun that would have to be released.
    if (ctx.closed) return;
    try {
      const parsed = parseChatRequest(body.take(), guardrails.input.maxDepth);
      ctx.request = parsed;
      ctx.onClose(() => parsed.document.letGo());
    } catch (error) {
      done(error as Error);
      return;
    }
    done(null, ctx.request.outline);
  };
  // Each is emitted once: `once` would cost more.
  raw.on('end', () => whole.add(understand));
  raw.on('error', () => {
    done(new GatewayError('bad_request'));
  });
}

/**
 * The request that a body holds; its members are not validated yet.
 * @throws GatewayError invalid_json, invalid_value
 */
export function parseChatRequest(bytes: Buffer, maxDepth: number): ChatRequest {
  if (!isUtf8(bytes)) throw new GatewayError('invalid_json', { message: 'The body is not valid UTF-8.' });
  const document = JsonDocument.scan(bytes, maxDepth);
  const { outline, whole } = parse(document);
  const forbidden = document.memberOf(FORBIDDEN_MEMBERS);
  if (forbidden !== undefined) {
    throw new GatewayError('invalid_value', {
      message: `The member '${forbidden}' is not accepted.`,
      param: forbidden,
    });
  }
  return new ChatRequest(outline as ChatRequestBody, document, whole);
}

function parse(document: JsonDocument): { readonly outline: object; readonly whole: boolean } {
  // The careful parser searches the whole text for such names, which the scan has done; it takes a mark away, too.
  const careful = document.namesPrototype || document.bytes[0] === BYTE_ORDER_MARK[0];
  const whole = careful || !document.hasLongTexts;
  const text = whole ? document.text() : document.outline();
  try {
    const outline: unknown = careful ? secureJson.parse(text, REFUSE_PROTOTYPES) : JSON.parse(text);
    if (typeof outline === 'object' && outline !== null && !Array.isArray(outline)) return { outline, whole };
  } catch (error) {
    throw new GatewayError('invalid_json', { cause: error });
  }
  throw new GatewayError('invalid_json', { message: 'The body must be a JSON object.' });
}

/** The refusal of a body over the limit, bytes. */
export function tooLarge(limit: number): GatewayError {
  return new GatewayError('request_too_large', { message: `The request body is larger than ${limit} bytes.` });
}
