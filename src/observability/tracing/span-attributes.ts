import { type Attributes } from '@opentelemetry/api';
import { type AttemptRecord, type RequestContext } from '../../kernel/request-context.js';
import { type Target } from '../../kernel/snapshot.js';

const OPERATION = 'chat';

/** What is known of a request when it ends: names of the configuration and numbers, never a text of the caller's. */
export function requestAttributes(ctx: RequestContext): Attributes {
  const { model, request, charge, code, principal } = ctx;
  return {
    'http.request.method': 'POST',
    'http.route': '/v1/chat/completions',
    'http.response.status_code': ctx.status,
    'gen_ai.operation.name': OPERATION,
    'gen_ai.request.stream': request?.stream === true,
    ...(model && { 'gen_ai.request.model': model.name }),
    ...(charge && {
      'gen_ai.usage.input_tokens': charge.promptTokens,
      'gen_ai.usage.output_tokens': charge.completionTokens,
    }),
    ...(code && { 'error.type': code }),
    'gateway.request_id': ctx.requestId,
    'gateway.key_id': principal.keyId,
    'gateway.end': ctx.end,
    'gateway.attempts': ctx.attempts.length,
  };
}

/** What is known of an attempt when it begins. */
export function targetAttributes(target: Target, kind: AttemptRecord['kind'], stream: boolean): Attributes {
  return {
    'gen_ai.operation.name': OPERATION,
    'gen_ai.provider.name': target.provider.kind,
    'gen_ai.request.model': target.model,
    'gen_ai.request.stream': stream,
    ...addressOf(target.provider.baseUrl),
    'gateway.provider': target.provider.name,
    'gateway.attempt.kind': kind,
  };
}

/** What is known of an attempt when it ends. */
export function outcomeAttributes(attempt: AttemptRecord): Attributes {
  const { facts, firstContentAt, outcome, reason, startedAt, status } = attempt;
  return {
    'gateway.attempt.outcome': outcome ?? 'ignored',
    ...(reason && { 'error.type': reason }),
    ...(status !== undefined && { 'http.response.status_code': status }),
    ...(firstContentAt !== undefined && {
      'gen_ai.response.time_to_first_chunk': (firstContentAt - startedAt) / 1000,
    }),
    ...(facts?.model !== undefined && { 'gen_ai.response.model': facts.model }),
    ...(facts?.finishReason !== undefined && { 'gen_ai.response.finish_reasons': [facts.finishReason] }),
    ...(facts?.usage && {
      'gen_ai.usage.input_tokens': facts.usage.promptTokens,
      'gen_ai.usage.output_tokens': facts.usage.completionTokens,
      'gen_ai.usage.cache_read.input_tokens': facts.usage.cachedTokens,
    }),
  };
}

const addresses = new Map<string, Attributes>();
const MAX_ADDRESSES = 1_000;

function addressOf(baseUrl: string | undefined): Attributes {
  if (baseUrl === undefined) return {};
  const known = addresses.get(baseUrl);
  if (known) return known;
  const { hostname, port, protocol } = new URL(baseUrl);
  const standard = protocol === 'https:' ? 443 : 80;
  const address = { 'server.address': hostname, 'server.port': port === '' ? standard : Number(port) };
  if (addresses.size < MAX_ADDRESSES) addresses.set(baseUrl, address);
  return address;
}
