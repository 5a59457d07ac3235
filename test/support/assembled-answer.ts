import { expect } from 'vitest';
import { type PlainAnswer } from '../../src/kernel/plain-answer.js';
import { type Usage } from '../../src/kernel/upstream.js';

/** What an answer must come out as, streamed or plain. */
export interface AssembledAnswer {
  readonly content: string;
  readonly reasoning?: string;
  readonly calls?: readonly { readonly name: string; readonly arguments: unknown }[];
  readonly finishReason: string;
  readonly model: string;
  /** undefined = this upstream tells none. */
  readonly usage: Usage | undefined;
}

export interface Chunk {
  readonly id: string;
  readonly object: string;
  readonly created: number;
  readonly model: string;
  readonly choices: readonly { readonly index: number; readonly delta: Delta; readonly finish_reason: string | null }[];
  readonly usage?: WireUsage | null;
}

interface Delta {
  readonly role?: string;
  readonly content?: string | null;
  readonly reasoning_content?: string | null;
  readonly tool_calls?: readonly Call[];
}

interface Call {
  readonly index?: number;
  readonly id?: string;
  readonly type?: string;
  readonly function: { readonly name?: string; readonly arguments?: string };
}

interface WireUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details?: { readonly cached_tokens?: number } | null;
}

export function parseChunk(payload: string): Chunk {
  return JSON.parse(payload) as Chunk;
}

/** What an SDK makes of the chunks. */
export function assemble(payloads: readonly string[]): AssembledAnswer {
  let content = '';
  let reasoning = '';
  const calls: { id: string; type: string; name: string; text: string }[] = [];
  let finishReason = '';
  let usage: Usage | undefined;
  for (const chunk of payloads.map(parseChunk)) {
    if (chunk.usage) usage = usageOf(chunk.usage);
    for (const { delta, finish_reason: reason } of chunk.choices) {
      content += delta.content ?? '';
      reasoning += delta.reasoning_content ?? '';
      finishReason = reason ?? finishReason;
      for (const call of delta.tool_calls ?? []) {
        const open = (calls[call.index!] ??= { id: '', type: '', name: '', text: '' });
        open.id += call.id ?? '';
        open.type = call.type ?? open.type;
        open.name += call.function.name ?? '';
        open.text += call.function.arguments ?? '';
      }
    }
  }
  expectCalls(calls);
  const parsed = calls.map(({ name, text }) => ({ name, arguments: JSON.parse(text) as unknown }));
  const model = parseChunk(payloads.at(-1)!).model;
  return { content, reasoning, calls: parsed, finishReason, model, usage };
}

/** What an SDK makes of a plain answer. */
export function plainAnswer(json: PlainAnswer): AssembledAnswer {
  const answer = JSON.parse(json.toString()) as Omit<Chunk, 'choices'> & {
    readonly choices: readonly { readonly index: number; readonly message: Delta; readonly finish_reason: string }[];
  };
  expect(answer).toMatchObject({ object: 'chat.completion', choices: [{ index: 0, message: { role: 'assistant' } }] });
  expect(answer.id).not.toBe('');
  expect(Number.isSafeInteger(answer.created) && answer.created > 1_500_000_000).toBe(true);
  const [{ message, finish_reason: finishReason }] = answer.choices as [(typeof answer.choices)[number]];
  const calls = (message.tool_calls ?? []).map(({ id, type, function: called }) => ({
    id: id ?? '',
    type: type ?? '',
    name: called.name ?? '',
    text: called.arguments ?? '',
  }));
  expectCalls(calls);
  return {
    content: message.content ?? '',
    reasoning: message.reasoning_content ?? '',
    calls: calls.map(({ name, text }) => ({ name, arguments: JSON.parse(text) as unknown })),
    finishReason,
    model: answer.model,
    usage: answer.usage ? usageOf(answer.usage) : undefined,
  };
}

function expectCalls(calls: readonly { readonly id: string; readonly type: string }[]): void {
  expect(new Set(calls.map(({ id }) => id)).size).toBe(calls.length);
  for (const { id, type } of calls) expect([id !== '', type]).toEqual([true, 'function']);
}

function usageOf(usage: WireUsage): Usage {
  expect(usage.total_tokens).toBe(usage.prompt_tokens + usage.completion_tokens);
  return {
    promptTokens: usage.prompt_tokens,
    completionTokens: usage.completion_tokens,
    cachedTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
  };
}
