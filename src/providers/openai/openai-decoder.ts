import { type ChatRequest } from '../../kernel/openai.js';
import { type Target } from '../../kernel/snapshot.js';
import { TextSample } from '../../kernel/text-sample.js';
import { AnswerFacts, type EventDecoder, UpstreamFailure } from '../../kernel/upstream.js';
import { errorInAnswer } from './openai-error.js';
import { addUsage, readUsage } from './openai-usage.js';

/** Members that decide something: a payload without any of them is passed on unread. */
const DECIDES = /"(?:finish_reason|usage|error)":\s*["{]/;
const CONTENT = '"content":';
/** No text can hold it: inside a string its quotes would be escaped. */
const NULL_USAGE = /,\s*"usage":\s*null/;
/** The most choices that a request may ask for. */
const MAX_CHOICES = 128;

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
      this.#countUnread(payload);
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
    if (typeof model === 'string' && model !== '') this.facts.model = model;
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
    const length = contentLength(choice.delta);
    if (length > 0) {
      facts.content = true;
      facts.deltas++;
      facts.characters += length;
      if (facts.sample?.wanting === true) facts.sample.add(contentOf(choice.delta), length);
    }
    if (typeof choice.finish_reason === 'string') {
      facts.finished.add(choice.index ?? 0);
      facts.finishReason = choice.finish_reason;
    }
  }

  /** Counts the content of a payload without parsing it: exact enough for an estimate. */
  #countUnread(payload: string): void {
    this.facts.deltas++;
    const at = payload.indexOf(CONTENT);
    if (at < 0) {
      this.facts.characters += 1;
      return;
    }
    const open = payload.indexOf('"', at + CONTENT.length);
    let close = payload.indexOf('"', open + 1);
    while (close > 0 && payload.charAt(close - 1) === '\\') close = payload.indexOf('"', close + 1);
    this.facts.characters += Math.max(1, close - open - 1);
    if (this.facts.sample?.wanting === true) this.#sample(payload.slice(open, close + 1));
  }

  /** @param literal a JSON string, or what an upstream took for one */
  #sample(literal: string): void {
    try {
      this.facts.sample?.add(JSON.parse(literal) as string, literal.length - 2);
    } catch {
      // What cannot be read was counted by its length.
    }
  }
}

/** Choices are counted, and one is kept for each: an upstream must not say how many there are. */
function isChoice(value: unknown): value is ChunkChoice {
  if (typeof value !== 'object' || value === null) return false;
  const { index = 0 } = value as { readonly index?: unknown };
  return Number.isInteger(index) && (index as number) >= 0 && (index as number) < MAX_CHOICES;
}

const TEXTS = ['content', 'reasoning_content', 'reasoning', 'refusal'] as const;

/** What a delta adds: text, reasoning, refusal, tool calls. A role alone is nothing. */
function contentOf(delta: ChunkChoice['delta']): string {
  let text = '';
  for (const field of TEXTS) if (typeof delta?.[field] === 'string') text += delta[field];
  return text + toolCallsOf(delta);
}

/** Its length, without putting it together. */
function contentLength(delta: ChunkChoice['delta']): number {
  if (!delta) return 0;
  let length = 0;
  for (const field of TEXTS) {
    const text = delta[field];
    if (typeof text === 'string') length += text.length;
  }
  length += toolCallsOf(delta).length;
  if (delta.function_call) length += 1;
  return length;
}

function toolCallsOf(delta: ChunkChoice['delta']): string {
  const calls = delta?.tool_calls;
  return Array.isArray(calls) && calls.length > 0 ? JSON.stringify(calls) : '';
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
