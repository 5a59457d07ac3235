import { type ChatRequest } from '../../kernel/openai.js';
import { type Target } from '../../kernel/snapshot.js';
import { TextSample } from '../../kernel/text-sample.js';
import { AnswerFacts, type EventDecoder, UpstreamFailure } from '../../kernel/upstream.js';
import { countTexts, countUnreadTexts } from '../answer-text.js';
import { errorInAnswer } from './openai-error.js';
import { addUsage, readUsage } from './openai-usage.js';

/** Members that decide something: a payload without any of them is passed on unread. */
const DECIDES = /"(?:finish_reason|usage|error)":\s*["{]/;
/** No text can hold it: inside a string its quotes would be escaped. */
const NULL_USAGE = /,\s*"usage":\s*null/;
/** The most choices that a request may ask for. */
export const MAX_CHOICES = 128;
/** The longest model name and finish reason that are kept: what an upstream says must not fill logs and records. */
export const MAX_NAME = 256;

interface Chunk {
  readonly model?: unknown;
  readonly choices?: unknown;
  readonly usage?: unknown;
}

interface ChunkChoice {
  readonly index?: number;
  readonly delta?: Readonly<Record<string, unknown>> | null;
  readonly finish_reason?: string | null;
}

/**
 * Reads a chat.completion.chunk stream: every payload until the first content, then only those that
 * can hold a finish reason, usage or an error. Payloads leave as they came.
 */
export class OpenAiDecoder implements EventDecoder {
  readonly facts = new AnswerFacts();
  readonly #choiceless: boolean;
  readonly #readAll: boolean;
  #addModel = false;
  /** Upstreams that were asked for usage say `"usage":null` until they tell it: not to a caller that asked for none. */
  #dropNullUsage = false;

  constructor(
    request: ChatRequest,
    private readonly target: Target,
  ) {
    this.#choiceless = request.includeUsage;
    this.#readAll = request.choices > 1;
    if (target.provider.tokenizer) this.facts.sample = new TextSample();
  }

  push(payload: string, _event: string | undefined, out: string[]): void {
    if (payload === '[DONE]') {
      this.facts.done = true;
      return;
    }
    if (this.facts.content && !this.#readAll && !this.#addModel && !DECIDES.test(payload)) {
      this.facts.deltas++;
      countUnreadTexts(payload, this.facts);
      out.push(this.#dropNullUsage ? payload.replace(NULL_USAGE, '') : payload);
      return;
    }
    const chunk = parseChunk(payload, this.facts.content);
    if (chunk === undefined) out.push(payload);
    else this.#read(chunk, payload, out);
  }

  #read(chunk: Chunk, payload: string, out: string[]): void {
    const failure = errorInAnswer(chunk);
    if (failure) {
      this.facts.failure ??= failure;
      return;
    }
    const choices = Array.isArray(chunk.choices) ? (chunk.choices as unknown[]) : undefined;
    const usage = readUsage(chunk.usage);
    if (!choices && !usage) {
      this.facts.failure ??= new UpstreamFailure('fault', 'malformed', 'elsewhere');
      return;
    }
    this.#readModel(chunk.model);
    this.#dropNullUsage ||= chunk.usage === null && !this.#choiceless;
    if (usage) {
      this.facts.usage = this.target.provider.usagePerChoice ? addUsage(this.facts.usage, usage) : usage;
    }
    for (const choice of choices ?? []) {
      if (!isChoice(choice)) {
        this.facts.failure ??= new UpstreamFailure('fault', 'malformed', 'elsewhere');
        return;
      }
      this.#readChoice(choice);
    }
    // The usage chunk was asked for by the gateway: it leaves only if the caller asked, too.
    const usageOnly = usage !== undefined && (choices ?? []).length === 0;
    if (!usageOnly || this.#choiceless) out.push(this.#named(chunk, payload));
  }

  #readModel(model: unknown): void {
    if (typeof model === 'string' && model !== '' && model.length <= MAX_NAME) this.facts.model = model;
    else if (this.facts.model === undefined || this.#addModel) {
      this.#addModel = true;
      this.facts.model = this.target.model;
    }
  }

  #named(chunk: Chunk, payload: string): string {
    const named = this.#addModel && !chunk.model ? JSON.stringify({ ...chunk, model: this.target.model }) : payload;
    return this.#dropNullUsage ? named.replace(NULL_USAGE, '') : named;
  }

  #readChoice(choice: ChunkChoice): void {
    const { facts } = this;
    facts.choices = Math.max(facts.choices, (choice.index ?? 0) + 1);
    // The choices of one request are alike: one is sampled.
    if (choice.delta && countTexts(choice.delta, facts, (choice.index ?? 0) === 0)) {
      facts.content = true;
      facts.deltas++;
    }
    if (typeof choice.finish_reason === 'string') {
      facts.finished.add(choice.index ?? 0);
      facts.finishReason = choice.finish_reason.slice(0, MAX_NAME);
    }
  }
}

/** Choices are counted, and one is kept for each: an upstream must not say how many there are. */
function isChoice(value: unknown): value is ChunkChoice {
  if (typeof value !== 'object' || value === null) return false;
  const { index = 0 } = value as { readonly index?: unknown };
  return Number.isInteger(index) && (index as number) >= 0 && (index as number) < MAX_CHOICES;
}

/** undefined = cannot be read, and after the first content need not be. */
function parseChunk(payload: string, mayPass: boolean): Chunk | undefined {
  try {
    const chunk: unknown = JSON.parse(payload);
    if (typeof chunk === 'object' && chunk !== null && !Array.isArray(chunk)) return chunk;
  } catch {
    if (mayPass) return undefined;
  }
  throw new UpstreamFailure('fault', 'malformed', 'elsewhere');
}
