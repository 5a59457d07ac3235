import { GatewayError } from '../kernel/gateway-error.js';
import { type ChatRequestBody } from '../kernel/openai.js';
import { type GuardrailSettings } from '../kernel/snapshot.js';

/** What a request is measured against, and what was measured elsewhere. */
export interface InputBounds {
  readonly settings: Omit<GuardrailSettings['input'], 'words' | 'pii' | 'maxDepth'>;
  /** Bytes of the body as received. */
  readonly bytes: number;
  /** What the key may ask for per request; undefined = anything. */
  readonly maxTokensPerRequest: number | undefined;
  /** The model's window; undefined = unknown. */
  readonly contextTokens: number | undefined;
  /** The estimate of the prompt. */
  readonly promptTokens: number;
}

/**
 * Checks a validated body against the bounds, cheapest first; the bound itself is allowed. Depth is not
 * among them: the scan that precedes the parse checks it.
 */
export function checkInput(body: ChatRequestBody, bounds: InputBounds): GatewayError | undefined {
  const { settings } = bounds;
  const tools = (body.tools?.length ?? 0) + (body.functions?.length ?? 0);
  if (bounds.bytes > settings.maxBytes) return tooMany(`at most ${settings.maxBytes} bytes`);
  if (body.messages.length > settings.maxMessages) return tooMany(`at most ${settings.maxMessages}`, 'messages');
  if (tools > settings.maxTools)
    return tooMany(`at most ${settings.maxTools}`, body.tools?.length ? 'tools' : 'functions');
  if ((body.n ?? 1) > settings.maxChoices) return tooMany(`at most ${settings.maxChoices}`, 'n');
  return checkTokens(body, bounds) ?? checkStrings(body, bounds);
}

function checkTokens(body: ChatRequestBody, bounds: InputBounds): GatewayError | undefined {
  const { maxTokensPerRequest: cap, contextTokens, promptTokens } = bounds;
  for (const param of ['max_completion_tokens', 'max_tokens'] as const) {
    if (cap !== undefined && (body[param] ?? 0) > cap) return tooMany(`at most ${cap} for this key`, param);
  }
  if (contextTokens === undefined || promptTokens <= contextTokens) return undefined;
  const message = `The model's context is ${contextTokens} tokens, and the prompt has about ${promptTokens}.`;
  return new GatewayError('context_length_exceeded', { message, param: 'messages' });
}

/** Walks the body only where a string can be too long: none is longer than the body. */
function checkStrings(body: ChatRequestBody, { settings, bytes }: InputBounds): GatewayError | undefined {
  if (bytes <= settings.maxStringBytes) return undefined;
  const param = longString(body, '', settings.maxStringBytes);
  return param === undefined ? undefined : tooMany(`at most ${settings.maxStringBytes} bytes`, param);
}

/** The path of a string longer than `max` bytes. Recursion is bounded by the depth that the body was checked for. */
function longString(value: unknown, path: string, max: number): string | undefined {
  if (typeof value === 'string') return Buffer.byteLength(value) > max ? path : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, member] of Object.entries(value)) {
    const step = Array.isArray(value) ? `[${name}]` : path === '' ? name : `.${name}`;
    const found = longString(member, path + step, max);
    if (found !== undefined) return found;
  }
  return undefined;
}

function tooMany(bound: string, param?: string): GatewayError {
  const message = `${param === undefined ? 'The body' : `'${param}'`} is over its limit: ${bound}.`;
  return new GatewayError('invalid_value', param === undefined ? { message } : { message, param });
}
