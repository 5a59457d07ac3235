import { createHash } from 'node:crypto';
import { type Provider } from '../kernel/snapshot.js';
import { type ProviderAdapter } from '../kernel/upstream.js';

const fixed = new WeakMap<Provider, readonly string[]>();

/** Who asks, as upstreams see it. */
export interface CallIdentity {
  /** The request's X-Request-ID. */
  readonly requestId: string;
  readonly traceparent: string | undefined;
}

/**
 * The headers of a call to a provider as undici's flat list; what is the same for every call is built once
 * per provider and snapshot.
 */
export function upstreamHeaders(
  provider: Provider,
  adapter: ProviderAdapter,
  own: Readonly<Record<string, string>>,
  identity: CallIdentity,
): string[] {
  const headers = [...(fixed.get(provider) ?? fixedHeaders(provider, adapter))];
  for (const name in own) headers.push(name, own[name] ?? '');
  if (provider.requestIdHeader === 'raw') headers.push('x-request-id', identity.requestId);
  else if (provider.requestIdHeader === 'uuid') headers.push('x-request-id', uuidOf(identity.requestId));
  if (identity.traceparent !== undefined) headers.push('traceparent', identity.traceparent);
  return headers;
}

function fixedHeaders(provider: Provider, adapter: ProviderAdapter): readonly string[] {
  const headers = [
    'content-type',
    'application/json',
    'accept-encoding',
    'identity',
    'user-agent',
    'sre-inference-gateway',
  ];
  if (provider.apiKey) headers.push(...Object.entries(adapter.credentials(provider.apiKey.reveal())).flat());
  fixed.set(provider, headers);
  return headers;
}

/** A UUID (version 8, RFC 9562) that stands for a request id at upstreams that accept nothing else. */
export function uuidOf(requestId: string): string {
  const hex = createHash('sha256').update(requestId).digest('hex');
  const variant = ((parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
