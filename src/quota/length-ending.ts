import { jsonText } from '../kernel/json-text.js';
import { type RequestContext } from '../kernel/request-context.js';
import { type AnswerFacts } from '../kernel/upstream.js';

/** Whether every choice of an answer has ended, by what its upstream said. */
export function hasEnded(ctx: RequestContext, facts: AnswerFacts): boolean {
  return facts.done || facts.finished.size >= choicesOf(ctx, facts);
}

/** A chunk like the upstream's last, which is parsed only now, that ends every open choice with `length`. */
export function lengthEnding(ctx: RequestContext, facts: AnswerFacts, last: string): string {
  const choices: object[] = [];
  for (let index = 0; index < choicesOf(ctx, facts); index++) {
    if (!facts.finished.has(index)) choices.push({ index, delta: {}, finish_reason: 'length' });
  }
  return jsonText({ object: 'chat.completion.chunk', ...members(last), choices, usage: undefined });
}

function choicesOf({ request }: RequestContext, { choices }: AnswerFacts): number {
  return Math.max(choices, request?.choices ?? 1);
}

function members(payload: string): object {
  try {
    const chunk: unknown = JSON.parse(payload);
    return typeof chunk === 'object' && chunk !== null ? chunk : {};
  } catch {
    // After the first content the decoder passes on what nobody can read.
    return {};
  }
}
