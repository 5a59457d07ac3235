import { type Clock } from '../../kernel/clock.js';
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
import { type AnswerFrame, decodeMessage } from './anthropic-answer.js';
import { AnthropicDecoder } from './anthropic-decoder.js';
import { classifyError } from './anthropic-error.js';
import { toMessagesRequest } from './anthropic-request.js';
import { usesFunctions } from './anthropic-tools.js';

const HEADERS = { 'anthropic-version': '2023-06-01' } as const;

/** Anthropic's Messages API: a wire format of its own, translated both ways. */
export class AnthropicAdapter implements ProviderAdapter {
  readonly kind = 'anthropic';
  readonly probePath = '/models';

  /** @param clock tells `created`, which the API's answers lack */
  constructor(private readonly clock: Clock) {}

  credentials(apiKey: string): Readonly<Record<string, string>> {
    return { 'x-api-key': apiKey };
  }

  encode(request: ChatRequest, target: Target, options: EncodeOptions): UpstreamRequest {
    const { body, droppedParams } = toMessagesRequest(request, target, options);
    return { path: '/messages', headers: HEADERS, body: [Buffer.from(JSON.stringify(body))], droppedParams };
  }

  decoder(request: ChatRequest, target: Target): EventDecoder {
    return new AnthropicDecoder(this.#frame(request, target), request.includeUsage);
  }

  decodeAnswer(body: Buffer, request: ChatRequest, target: Target): DecodedAnswer {
    return decodeMessage(body, this.#frame(request, target));
  }

  classify(status: number, headers: ResponseHeaders, body: Buffer): UpstreamFailure {
    return classifyError(status, headers, body);
  }

  #frame(request: ChatRequest, target: Target): AnswerFrame {
    return {
      created: Math.floor(this.clock.wall() / 1000),
      model: target.model,
      legacy: usesFunctions(request.body),
    };
  }
}
