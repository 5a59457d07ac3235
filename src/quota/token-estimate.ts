import { type ChatRequest } from '../kernel/openai.js';
import { type Encoding } from '../kernel/snapshot.js';
import { type AnswerFacts, type Usage } from '../kernel/upstream.js';
import { type PromptSize } from './cost.js';
import { tokensOf } from './tokenizer.js';

/** Typical of byte-level tokenizers on prose; only used where nothing better is known. */
const CHARACTERS_PER_TOKEN = 4;
/** Reported usage beyond this many times what was asked for is not believed. */
const CREDIBLE_FACTOR = 4;

/** What bounds a prompt: the bytes of the whole request, which hold messages, tools and inline images. */
export function promptSize({ document, outline }: ChatRequest): PromptSize {
  let images = 0;
  for (const { content } of outline.messages) {
    if (Array.isArray(content)) for (const { type } of content) if (type === 'image_url') images++;
  }
  return { bytes: document.bytes.length, messages: outline.messages.length, images };
}

/**
 * What an upstream that reported nothing probably used: from the bytes sent and the text received.
 * @param encoding counts the sample of the answer, where there is one
 */
export function estimateUsage(request: ChatRequest, facts: AnswerFacts, encoding?: Encoding): Usage {
  return {
    promptTokens: Math.ceil(request.document.bytes.length / CHARACTERS_PER_TOKEN),
    completionTokens: countOutput(facts, encoding) ?? estimateOutput(facts),
    cachedTokens: 0,
  };
}

/** A long answer is taken to be like its beginning; an event holds a token at least. */
function countOutput({ sample, deltas, characters }: AnswerFacts, encoding: Encoding | undefined): number | undefined {
  if (!encoding || !sample || sample.characters === 0) return undefined;
  const tokens = tokensOf(encoding, sample.text);
  return tokens === undefined ? undefined : Math.max(deltas, Math.round((tokens * characters) / sample.characters));
}

/** What an answer has probably used so far: a token per event at least. */
export function estimateOutput({ deltas, characters }: AnswerFacts): number {
  return Math.max(deltas, Math.ceil(characters / CHARACTERS_PER_TOKEN));
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
