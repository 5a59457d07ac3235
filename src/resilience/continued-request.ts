import { JsonDocument } from '../kernel/json-document.js';
import { ChatRequest } from '../kernel/openai.js';
import { continuationEdit } from './mid-stream-rescue.js';

/** The request that makes a target flagged `continuesPrefix` go on from a text. */
export function continuedRequest({ body, document }: ChatRequest, sentText: string): ChatRequest {
  const { message, set } = continuationEdit(sentText);
  const changes = { messages: [...body.messages, message], ...set };
  const members = new Map(Object.entries(changes).map(([name, value]) => [name, JSON.stringify(value)]));
  // Its depth was checked when it came; what is added to it is flat.
  return new ChatRequest({ ...body, ...changes }, JsonDocument.scan(document.with(members), Infinity));
}

/** What is left of an output cap, in tokens: an event of the stream counts as one. At least 1. */
export function remainingTokens(cap: number | undefined, sentEvents: number): number | undefined {
  return cap === undefined ? undefined : Math.max(1, cap - sentEvents);
}
