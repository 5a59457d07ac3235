import { type ErrorObject } from './gateway-error.js';
import { type ChatRequest } from './openai.js';
import { type PlainAnswer } from './plain-answer.js';
import { type Target } from './snapshot.js';
import { type TextSample } from './text-sample.js';

/** What is sent to an upstream, before credentials are added. */
export interface UpstreamRequest {
  /** Appended to the provider's base URL: `/chat/completions`. */
  readonly path: string;
  /** Lower-case names; content-type is set by whoever encodes. */
  readonly headers: Readonly<Record<string, string>>;
  /** Piece by piece: the parts of a large request are copied nowhere. */
  readonly body: readonly Buffer[];
  /** Members of the request that this provider cannot take. */
  readonly droppedParams: readonly string[];
}

/** What the gateway itself decides about the request that goes upstream. */
export interface EncodeOptions {
  /** The output cap per choice, in tokens; undefined leaves the caller's own members alone. */
  readonly maxTokens: number | undefined;
  /** Whether to ask for a stream: the caller's wish, or `streamUpstream`. */
  readonly stream: boolean;
}

export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens: number;
}

/** How an attempt ended; each ends exactly once. */
export type AttemptOutcome = 'success' | 'fault' | 'throttle' | 'ignored';

/** Why an attempt failed: a closed set, used as a metric label. */
export type FailureReason =
  | 'connect_error'
  | 'connect_timeout'
  | 'reset'
  | 'first_token_timeout'
  | 'idle_timeout'
  | 'response_timeout'
  | 'server_error'
  | 'malformed'
  | 'truncated'
  | 'too_large'
  | 'error_in_answer'
  | 'throttled'
  | 'overloaded'
  | 'insufficient_quota'
  | 'configuration'
  | 'rejected'
  | 'content_policy'
  | 'context_length'
  | 'deadline'
  | 'shutting_down'
  | 'lease_lost'
  | 'cancelled';

/** Who may try again after a failure. */
export type Retryable = 'same' | 'elsewhere' | 'never';

/** A failed attempt, classified: what resilience and the caller's answer are decided from. */
export class UpstreamFailure extends Error {
  constructor(
    readonly outcome: Exclude<AttemptOutcome, 'success'>,
    readonly reason: FailureReason,
    readonly retryable: Retryable,
    readonly details: FailureDetails = {},
  ) {
    super(details.error?.message ?? reason);
    this.name = 'UpstreamFailure';
  }
}

export interface FailureDetails {
  /** The upstream's HTTP status, if one was received. */
  readonly status?: number;
  /** The upstream's error object in OpenAI's shape; shown to the caller only for refusals of its own request. */
  readonly error?: ErrorObject;
  /** Headers that say when to come back. */
  readonly headers?: ResponseHeaders;
  readonly cause?: unknown;
}

/** Lower-case names; of a repeated header the last value. */
export type ResponseHeaders = Readonly<Record<string, string>>;

/** The events of one upstream read, as payload texts in OpenAI's chunk format; or a whole plain answer. */
export interface EventBatch {
  readonly payloads: readonly string[];
  /** A plain (not streamed) answer. */
  readonly json: PlainAnswer | undefined;
}

/** What has been learnt of an answer so far. Written by the decoder, read by everybody else. */
export class AnswerFacts {
  /** Content, a tool call or a refusal has been seen: the commit point. */
  content = false;
  /** The upstream's `[DONE]`, or the end in its own format. */
  done = false;
  /** Choices that began: the highest index seen, plus one. */
  choices = 0;
  /** Indexes of the choices that gave a finish_reason. */
  readonly finished = new Set<number>();
  finishReason: string | undefined;
  usage: Usage | undefined;
  /** The upstream's name of the model that answered. */
  model: string | undefined;
  /** An error inside a 200. */
  failure: UpstreamFailure | undefined;
  /** Events that carried content. */
  deltas = 0;
  /** UTF-16 units of content seen, all choices: for estimates where usage is missing. */
  characters = 0;
  /** The beginning of the content, where a tokenizer is to count it. */
  sample: TextSample | undefined;
}

/** Turns one upstream's stream payloads into OpenAI's. One per attempt; holds no sockets or timers. */
export interface EventDecoder {
  readonly facts: AnswerFacts;
  /**
   * Takes one server-sent event's data and appends what the caller shall get to `out`.
   * @param event the event's name, where the stream names its events
   */
  push(payload: string, event: string | undefined, out: string[]): void;
}

/** A plain answer, understood. */
export interface DecodedAnswer {
  readonly facts: AnswerFacts;
  /** What was received where nothing had to change. */
  readonly json: PlainAnswer;
}

/** Who reads an answer. Each read is followed by one call of one of these, before it returns or later; none follows an end. */
export interface BatchReader {
  /** May read on at once. */
  batch(batch: EventBatch): void;
  /** The answer is complete; or `failure` is why the stream broke: an UpstreamFailure, or a defect of ours. */
  end(failure: Error | undefined): void;
}

/**
 * An answer whose first content is in hand: what the response encoder writes. Batches are asked for one by one, and handed
 * over without promises: those of thousands of idle streams would be copied by each collection of the young generation.
 */
export interface Answer {
  readonly first: EventBatch;
  /** Gives `reader` the next batch or the end. One read at a time. */
  read(reader: BatchReader): void;
}

/** One wire format. Pure: no sockets, clocks, retries, keys or logs. */
export interface ProviderAdapter {
  readonly kind: string;
  /** Where the upstream answers a free health probe, relative to the base URL's origin or to the base URL. */
  readonly probePath: string;
  /** The headers that carry a credential. */
  credentials(apiKey: string): Readonly<Record<string, string>>;
  encode(request: ChatRequest, target: Target, options: EncodeOptions): UpstreamRequest;
  decoder(request: ChatRequest, target: Target): EventDecoder;
  /**
   * @param body up to SHORT_ANSWER_BYTES lent for this call: what is kept of one so short must be copied, as text made of it is
   * @throws UpstreamFailure for an answer that is not one, or that is an error
   */
  decodeAnswer(body: Buffer, request: ChatRequest, target: Target): DecodedAnswer;
  /** What an answer other than 2xx means. */
  classify(status: number, headers: ResponseHeaders, body: Buffer): UpstreamFailure;
}
