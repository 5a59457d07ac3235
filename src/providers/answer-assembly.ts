import { type PlainAnswer, plainAnswerOf } from '../kernel/plain-answer.js';
import { UpstreamFailure, type Usage } from '../kernel/upstream.js';

/** Members of a delta whose pieces make up one text. */
const TEXTS: ReadonlySet<string> = new Set(['content', 'refusal', 'reasoning_content', 'reasoning']);

type Members = Readonly<Record<string, unknown>>;

/**
 * Puts the chunks of a stream together to the plain answer that they stand for: for upstreams that are asked for a
 * stream whatever the caller wants. Members that nobody knows here are kept, each with its last value.
 */
export class AnswerAssembly {
  readonly #members = new Map<string, unknown>();
  readonly #choices = new Map<number, ChoiceAssembly>();
  #usage: Members | undefined;
  #length = 0;

  /** @param maxLength of all payloads together, UTF-16 units */
  constructor(private readonly maxLength: number) {}

  /** @throws UpstreamFailure malformed, too_large */
  add(payload: string): void {
    this.#length += payload.length;
    if (this.#length > this.maxLength) throw new UpstreamFailure('fault', 'too_large', 'elsewhere');
    const { choices, usage, ...members } = parse(payload);
    keep(this.#members, members);
    if (isMembers(usage)) this.#usage = usage;
    if (!Array.isArray(choices)) return;
    for (const choice of choices.filter(isMembers)) {
      const index = typeof choice.index === 'number' ? choice.index : 0;
      let known = this.#choices.get(index);
      if (!known) this.#choices.set(index, (known = new ChoiceAssembly(index)));
      known.add(choice);
    }
  }

  /**
   * The answer, ready to send.
   * @param summed counts to tell in place of the last usage object's, where the upstream counts each choice by itself
   */
  json(summed: Usage | undefined): PlainAnswer {
    const choices = [...this.#choices.values()].sort((one, other) => one.index - other.index);
    const answer = {
      ...Object.fromEntries(this.#members),
      object: 'chat.completion',
      choices: choices.map((choice) => choice.whole()),
      ...(this.#usage && { usage: summed ? { ...this.#usage, ...countsOf(summed) } : this.#usage }),
    };
    return plainAnswerOf(JSON.stringify(answer));
  }
}

class ChoiceAssembly {
  readonly #members = new Map<string, unknown>();
  readonly #message = new Map<string, unknown>();
  readonly #calls = new Map<number, ToolCall>();
  #logprobs: Map<string, unknown[]> | undefined;
  #functionCall: FunctionCall | undefined;

  constructor(readonly index: number) {}

  add({ delta, logprobs, ...members }: Members): void {
    keep(this.#members, members);
    if (isMembers(logprobs)) this.#addLogprobs(logprobs);
    if (!isMembers(delta)) return;
    const { tool_calls: calls, function_call: called, ...texts } = delta;
    for (const [name, value] of Object.entries(texts)) {
      const before = this.#message.get(name);
      if (TEXTS.has(name) && typeof before === 'string' && typeof value === 'string') {
        this.#message.set(name, before + value);
      } else if (value !== null && value !== undefined) this.#message.set(name, value);
    }
    if (Array.isArray(calls)) for (const call of calls.filter(isMembers)) this.#addCall(call);
    if (isMembers(called)) this.#functionCall = grown(this.#functionCall, called);
  }

  whole(): object {
    const { role = 'assistant', content = null, refusal = null, ...said } = Object.fromEntries(this.#message);
    // An answer of tools alone has no text, however its stream began.
    const text = content === '' && this.#calls.size > 0 ? null : content;
    const message = {
      role,
      content: text,
      refusal,
      ...said,
      ...(this.#calls.size > 0 && { tool_calls: [...this.#calls.values()] }),
      ...(this.#functionCall && { function_call: this.#functionCall }),
    };
    const logprobs = this.#logprobs ? Object.fromEntries(this.#logprobs) : null;
    return { index: this.index, message, logprobs, finish_reason: null, ...Object.fromEntries(this.#members) };
  }

  #addLogprobs(logprobs: Members): void {
    this.#logprobs ??= new Map();
    for (const [name, tokens] of Object.entries(logprobs)) {
      if (!Array.isArray(tokens)) continue;
      const known = this.#logprobs.get(name);
      if (known) known.push(...(tokens as unknown[]));
      else this.#logprobs.set(name, [...(tokens as unknown[])]);
    }
  }

  #addCall({ index, id, type, function: called }: Members): void {
    const at = typeof index === 'number' ? index : 0;
    const known = this.#calls.get(at);
    this.#calls.set(at, {
      id: textOr(id, known?.id ?? ''),
      type: textOr(type, known?.type ?? 'function'),
      function: grown(known?.function, isMembers(called) ? called : {}),
    });
  }
}

interface FunctionCall {
  readonly name: string;
  readonly arguments: string;
}

interface ToolCall {
  readonly id: string;
  readonly type: string;
  readonly function: FunctionCall;
}

function grown(known: FunctionCall | undefined, { name, arguments: piece }: Members): FunctionCall {
  return { name: textOr(name, known?.name ?? ''), arguments: (known?.arguments ?? '') + textOr(piece, '') };
}

function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value : otherwise;
}

function keep(known: Map<string, unknown>, members: Members): void {
  for (const [name, value] of Object.entries(members)) {
    if (value !== null && value !== undefined) known.set(name, value);
  }
}

function countsOf({ promptTokens, completionTokens }: Usage): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

function parse(payload: string): Members {
  try {
    const chunk: unknown = JSON.parse(payload);
    if (isMembers(chunk)) return chunk;
  } catch {
    // Falls through: no chunk.
  }
  throw new UpstreamFailure('fault', 'malformed', 'elsewhere');
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
