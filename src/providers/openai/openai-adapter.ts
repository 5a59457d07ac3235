import { type ChatRequest } from '../../kernel/openai.js';
import { type Target } from '../../kernel/snapshot.js';
import {
  type DecodedAnswer,
  type EncodeOptions,
  type EventDecoder,
  type ProviderAdapter,
  type ResponseHeaders,
  type UpstreamFailure,
  type UpstreamRequest,
} from '../../kernel/upstream.js';
import { decodeChatCompletion } from './openai-answer.js';
import { OpenAiDecoder } from './openai-decoder.js';
import { classifyError } from './openai-error.js';

const NO_HEADERS = {} as const;
const NOTHING_DROPPED: readonly string[] = [];

/**
 * OpenAI's chat completions, spoken by most upstreams: the caller's bytes with the few members changed
 * that the gateway must set.
 */
export class OpenAiAdapter implements ProviderAdapter {
  constructor(
    readonly kind = 'openai',
    readonly probePath = '/models',
  ) {}

  credentials(apiKey: string): Readonly<Record<string, string>> {
    return { authorization: `Bearer ${apiKey}` };
  }

  encode(request: ChatRequest, target: Target, options: EncodeOptions): UpstreamRequest {
    const changes = new Map<string, string | undefined>();
    if (request.model !== target.model) changes.set('model', JSON.stringify(target.model));
    setStream(changes, request, options.stream);
    if (options.maxTokens !== undefined) setTokenCap(changes, request, target, options.maxTokens);
    return {
      path: '/chat/completions',
      headers: NO_HEADERS,
      body: request.document.with(changes),
      droppedParams: NOTHING_DROPPED,
    };
  }

  decoder(request: ChatRequest, target: Target): EventDecoder {
    return new OpenAiDecoder(request, target);
  }

  decodeAnswer(body: Buffer, _request: ChatRequest, target: Target): DecodedAnswer {
    return decodeChatCompletion(body, target);
  }

  classify(status: number, headers: ResponseHeaders, body: Buffer): UpstreamFailure {
    return classifyError(status, headers, body);
  }
}

/** Usage is always asked for in a stream: it is what the caller is charged by. */
function setStream(changes: Map<string, string | undefined>, request: ChatRequest, stream: boolean): void {
  if (stream !== request.stream) changes.set('stream', String(stream));
  if (stream && !request.includeUsage) {
    const given = request.outline.stream_options && (request.document.member('stream_options') as object);
    changes.set('stream_options', JSON.stringify({ ...given, include_usage: true }));
  }
}

function setTokenCap(
  changes: Map<string, string | undefined>,
  request: ChatRequest,
  target: Target,
  maxTokens: number,
): void {
  const field = target.provider.tokenCapField;
  for (const name of ['max_tokens', 'max_completion_tokens'] as const) {
    const wanted = field === 'both' || field === name ? maxTokens : undefined;
    if ((request.outline[name] ?? undefined) !== wanted) changes.set(name, wanted?.toString());
  }
}
