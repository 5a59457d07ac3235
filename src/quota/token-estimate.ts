import { type ChatRequest } from '../kernel/openai.js';
import { type AnswerFacts, type Usage } from '../kernel/upstream.js';

/** Typical of byte-level tokenizers on prose; only used where nothing better is known. */
const CHARACTERS_PER_TOKEN = 4;
const TOKENS_PER_MESSAGE = 8;
/** Reported usage beyond this many times what was asked for is not believed. */
const CREDIBLE_FACTOR = 4;

/**
 * Upper bound of a prompt's tokens from the bytes of the request, which hold tools and all: two bytes a token, which
 * no common tokenizer exceeds on text; `strict`: one, which no byte-level tokenizer can exceed on anything.
 */
export function promptUpperBound(request: ChatRequest, strict: boolean): number {
  const bytes = request.document.bytes.length;
  return strict ? bytes : Math.ceil(bytes / 2) + TOKENS_PER_MESSAGE * request.body.messages.length;
}

/** What an upstream that reported nothing probably used: from the bytes sent and the text received. */
export function estimateUsage(request: ChatRequest, facts: AnswerFacts): Usage {
  return {
    promptTokens: Math.ceil(request.document.bytes.length / CHARACTERS_PER_TOKEN),
    completionTokens: Math.max(facts.deltas, Math.ceil(facts.characters / CHARACTERS_PER_TOKEN)),
    cachedTokens: 0,
  };
}

/** Whether reported usage can be true: whole numbers, none negative, none beyond what the request could cause. */
export function isCredible(usage: Usage, promptBound: number, outputBound: number): boolean {
  const { promptTokens, completionTokens, cachedTokens } = usage;
  return (
    [promptTokens, completionTokens, cachedTokens].every((tokens) => Number.isSafeInteger(tokens) && tokens >= 0) &&
    promptTokens <= CREDIBLE_FACTOR * promptBound &&
    completionTokens <= CREDIBLE_FACTOR * outputBound + promptBound
  );
}
