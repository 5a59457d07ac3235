import { type SentDelta } from './mid-stream-rescue.js';

/** What a rescue reads of a chat.completion.chunk. */
export interface StreamChunk {
  readonly id?: unknown;
  readonly usage?: unknown;
  readonly choices?: readonly StreamChoice[];
}

export interface StreamChoice {
  readonly index?: number;
  readonly delta?: Readonly<Record<string, unknown>> | null;
  readonly finish_reason?: string | null;
}

/** Undefined for what is no chunk. */
export function readChunk(payload: string): StreamChunk | undefined {
  try {
    const chunk: unknown = JSON.parse(payload);
    if (typeof chunk !== 'object' || chunk === null) return undefined;
    const { choices } = chunk as StreamChunk;
    return choices === undefined || Array.isArray(choices) ? chunk : undefined;
  } catch {
    return undefined;
  }
}

/** What one choice of a chunk brought. */
export function deltaOf({ index = 0, delta, finish_reason }: StreamChoice): SentDelta {
  return {
    choice: index,
    content: typeof delta?.content === 'string' ? delta.content : undefined,
    reasoning: isGiven(delta?.reasoning_content) || isGiven(delta?.reasoning),
    toolCall: isGiven(delta?.tool_calls) || isGiven(delta?.function_call),
    refusal: isGiven(delta?.refusal),
    finished: typeof finish_reason === 'string',
  };
}

/** Says something: neither absent nor empty. */
export function isGiven(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return false;
  return !Array.isArray(value) || value.length > 0;
}
