import { type ChatRequest } from '../kernel/openai.js';
import { type Encoding } from '../kernel/snapshot.js';
import { TextSample } from '../kernel/text-sample.js';
import { type AnswerFacts, type Usage } from '../kernel/upstream.js';
import { type PromptSize } from './cost.js';
import { tokensOf } from './tokenizer.js';

/** Typical of byte-level tokenizers on prose; only used where nothing better is known. */
const CHARACTERS_PER_TOKEN = 4;
/** What chat templates put around a message. */
const PER_MESSAGE = 4;
/** Of an image of a megapixel, as vision models count it. */
const PER_IMAGE = 800;
/** Reported usage beyond this many times what was asked for is not believed. */
const CREDIBLE_FACTOR = 4;

/** What bounds a prompt: the bytes of the whole request, which hold messages, tools and inline images. */
export function promptSize({ document, outline }: ChatRequest): PromptSize {
  let images = 0;
  for (const { content } of outline.messages) {
    if (Array.isArray(content)) for (const { type } of content) if (type === 'image_url') images++;
  }
  return { bytes: document.size, messages: outline.messages.length, images };
}

/**
 * What an upstream that reported nothing probably used: from the texts sent and received.
 * @param encoding counts samples of them, where there is one; else they count by their length
 */
export function estimateUsage(request: ChatRequest, facts: AnswerFacts, encoding?: Encoding): Usage {
  return {
    promptTokens: estimatePrompt(request, encoding),
    completionTokens: countOutput(facts, encoding) ?? estimateOutput(facts),
    cachedTokens: 0,
  };
}

function estimatePrompt({ outline, omittedTextBytes }: ChatRequest, encoding: Encoding | undefined): number {
  const sample = new TextSample();
  let bytes = omittedTextBytes;
  let tokens = 0;
  const add = (text: string): void => {
    bytes += Buffer.byteLength(text);
    if (encoding) sample.add(text);
  };
  for (const { content, tool_calls } of outline.messages) {
    tokens += PER_MESSAGE;
    if (typeof content === 'string') add(content);
    else
      for (const part of content ?? []) {
        if (part.type === 'image_url') tokens += PER_IMAGE;
        else if (typeof part.text === 'string') add(part.text);
      }
    if (tool_calls) add(JSON.stringify(tool_calls));
  }
  for (const tools of [outline.tools, outline.functions]) if (tools) add(JSON.stringify(tools));
  const perByte = tokensPerUnit(sample, encoding, (text) => Buffer.byteLength(text)) ?? 1 / CHARACTERS_PER_TOKEN;
  return tokens + Math.ceil(bytes * perByte);
}

/** The whole answer is taken to be like its sample; an event holds a token at least. */
function countOutput({ sample, deltas, characters }: AnswerFacts, encoding: Encoding | undefined): number | undefined {
  const perCharacter = sample && tokensPerUnit(sample, encoding, ({ length }) => length);
  return perCharacter === undefined ? undefined : Math.max(deltas, Math.round(characters * perCharacter));
}

function tokensPerUnit(
  { windows }: TextSample,
  encoding: Encoding | undefined,
  unitsOf: (text: string) => number,
): number | undefined {
  const tokens = encoding && tokensOf(encoding, windows);
  const units = windows.reduce((sum, text) => sum + unitsOf(text), 0);
  return tokens === undefined || units === 0 ? undefined : tokens / units;
}

/** What an answer has probably used so far: a token per event at least. */
export function estimateOutput({ deltas, characters }: AnswerFacts): number {
  return Math.max(deltas, Math.ceil(characters / CHARACTERS_PER_TOKEN));
}

function isCount(tokens: number): boolean {
  return Number.isSafeInteger(tokens) && tokens >= 0;
}

/** Whether reported usage can be true: whole numbers, none negative, none beyond what the request could cause. */
export function isCredible(usage: Usage, promptBound: number, outputBound: number): boolean {
  const { promptTokens, completionTokens, cachedTokens } = usage;
  return (
    isCount(promptTokens) &&
    isCount(completionTokens) &&
    isCount(cachedTokens) &&
    promptTokens <= CREDIBLE_FACTOR * promptBound &&
    completionTokens <= CREDIBLE_FACTOR * outputBound + promptBound
  );
}
