import { describe, expect, it } from 'vitest';
import { targetOf } from '../../test/support/target.js';
import { type Provider } from '../kernel/snapshot.js';
import { Secret } from '../kernel/secret.js';
import { OpenAiAdapter } from './openai/openai-adapter.js';
import { upstreamHeaders, uuidOf } from './upstream-headers.js';

const adapter = new OpenAiAdapter();
const identity = { requestId: 'req-1', traceparent: undefined };
const providerOf = (more: Partial<Provider> = {}): Provider => ({ ...targetOf('openai').provider, ...more });

function headersOf(provider: Provider, who: { requestId: string; traceparent: string | undefined } = identity) {
  const lines = upstreamHeaders(provider, adapter, { 'x-own': '1' }, who).split('\r\n');
  expect(lines.pop()).toBe('');
  const headers = lines.map((line) => line.split(': '));
  expect(new Set(headers.map(([name]) => name)).size).toBe(headers.length);
  return Object.fromEntries(headers) as Record<string, string>;
}

describe('upstreamHeaders', () => {
  it('asks for JSON, uncompressed, with the credential and the headers of the wire format', () => {
    expect(headersOf(providerOf({ apiKey: new Secret('sk-upstream') }))).toEqual({
      'content-type': 'application/json',
      'accept-encoding': 'identity',
      'user-agent': 'sre-inference-gateway',
      authorization: 'Bearer sk-upstream',
      'x-own': '1',
      'x-request-id': 'req-1',
    });
  });

  it('sends no credential where none is configured', () => {
    expect(headersOf(providerOf())).not.toHaveProperty('authorization');
  });

  it('sends the request id as the provider takes it: raw, as a UUID, or not at all', () => {
    const uuid = headersOf(providerOf({ requestIdHeader: 'uuid' }))['x-request-id'];
    expect(uuid).toBe(uuidOf('req-1'));
    expect(headersOf(providerOf({ requestIdHeader: 'none' }))).not.toHaveProperty('x-request-id');
  });

  it('passes the trace on', () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    expect(headersOf(providerOf(), { requestId: 'r', traceparent })).toMatchObject({ traceparent });
  });

  it('keeps one call out of the next', () => {
    const provider = providerOf();
    headersOf(provider, { requestId: 'first', traceparent: undefined });
    expect(headersOf(provider)['x-request-id']).toBe('req-1');
  });
});

describe('uuidOf', () => {
  it('is a version 8 UUID that stands for one request id', () => {
    const ids = Array.from({ length: 200 }, (_, at) => uuidOf(`req-${at}`));
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(new Set(ids).size).toBe(200);
    expect(uuidOf('req-7')).toBe(ids[7]);
  });
});
