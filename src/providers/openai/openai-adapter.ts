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
    const changes = new Changes();
    if (request.model !== target.model) changes.set('model', JSON.stringify(target.model));
    setStream(changes, request, options.stream);
    if (options.maxTokens !== undefined) setTokenCap(changes, request, target, options.maxTokens);
    return {
      path: '/chat/completions',
      headers: NO_HEADERS,
      body: request.document.edited(changes.members),
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

/** Members to be set or removed: mostly none. */
class Changes {
  members: Map<string, string | undefined> | undefined;

  set(name: string, value: string | undefined): void {
    (this.members ??= new Map()).set(name, value);
  }
}

/** Usage is always asked for in a stream: it is what the caller is charged by. */
function setStream(changes: Changes, request: ChatRequest, stream: boolean): void {
  if (stream !== request.stream) changes.set('stream', String(stream));
  if (stream && !request.includeUsage) {
    const given = request.outline.stream_options && (request.document.member('stream_options') as object);
    changes.set('stream_options', JSON.stringify({ ...given, include_usage: true }));
  }
}

function setTokenCap(changes: Changes, request: ChatRequest, target: Target, maxTokens: number): void {
  const field = target.provider.tokenCapField;
  const { max_tokens, max_completion_tokens } = request.outline;
  setCap(changes, 'max_tokens', max_tokens, field === 'max_completion_tokens' ? undefined : maxTokens);
  setCap(changes, 'max_completion_tokens', max_completion_tokens, field === 'max_tokens' ? undefined : maxTokens);
}

function setCap(changes: Changes, name: string, given: number | null | undefined, wanted: number | undefined): void {
  if ((given ?? undefined) !== wanted) changes.set(name, wanted?.toString());
}
