import { createHash } from 'node:crypto';
import { type Provider } from '../kernel/snapshot.js';
import { type ProviderAdapter } from '../kernel/upstream.js';

const fixed = new WeakMap<Provider, string>();

/** Who asks, as upstreams see it. */
export interface CallIdentity {
  /** The request's X-Request-ID. */
  readonly requestId: string;
  readonly traceparent: string | undefined;
}

/**
 * The headers of a call to a provider, line by line; what is the same for every call is put together once per provider and
 * snapshot. None of the values can hold a line break: the configuration's check, the request id's and the trace's see to it.
 */
export function upstreamHeaders(
  provider: Provider,
  adapter: ProviderAdapter,
  own: Readonly<Record<string, string>>,
  { requestId, traceparent }: CallIdentity,
): string {
  let lines = (fixed.get(provider) ?? fixedLines(provider, adapter)) + linesOf(own);
  if (provider.requestIdHeader === 'raw') lines += `x-request-id: ${requestId}\r\n`;
  else if (provider.requestIdHeader === 'uuid') lines += `x-request-id: ${uuidOf(requestId)}\r\n`;
  return traceparent === undefined ? lines : `${lines}traceparent: ${traceparent}\r\n`;
}

function fixedLines(provider: Provider, adapter: ProviderAdapter): string {
  const { apiKey } = provider;
  const lines =
    'content-type: application/json\r\naccept-encoding: identity\r\nuser-agent: sre-inference-gateway\r\n' +
    (apiKey ? linesOf(adapter.credentials(apiKey.reveal())) : '');
  fixed.set(provider, lines);
  return lines;
}

function linesOf(headers: Readonly<Record<string, string>>): string {
  let lines = '';
  for (const name in headers) lines += `${name}: ${headers[name] ?? ''}\r\n`;
  return lines;
}

/** A UUID (version 8, RFC 9562) that stands for a request id at upstreams that accept nothing else. */
export function uuidOf(requestId: string): string {
  const hex = createHash('sha256').update(requestId).digest('hex');
  const variant = ((parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
