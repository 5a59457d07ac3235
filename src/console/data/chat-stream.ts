import { type ServerSentEvent } from './server-sent-events';

/** What one event of a chat stream adds. */
export interface ChatDelta {
  readonly text: string;
  /** The stream broke: the gateway says so in its last event. */
  readonly error?: string;
}

interface Chunk {
  readonly choices?: readonly { readonly delta?: { readonly content?: string | null } }[];
  readonly error?: { readonly message: string };
}

/** The text, or the error, of an event; nothing for the end. */
export function deltaOf({ data }: ServerSentEvent): ChatDelta {
  if (data === '[DONE]') return { text: '' };
  const { choices, error } = JSON.parse(data) as Chunk;
  return { text: choices?.[0]?.delta?.content ?? '', ...(error && { error: error.message }) };
}
