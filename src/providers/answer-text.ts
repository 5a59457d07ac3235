import { type AnswerFacts, UpstreamFailure } from '../kernel/upstream.js';

/** As deep as a request may be. */
const MAX_DEPTH = 32;

/**
 * What an OpenAI message or delta says, text by text: content, reasoning, refusal, names and arguments of calls. What
 * stands around it (ids, types, indexes) is nobody's token.
 */
interface Said {
  readonly content?: unknown;
  readonly reasoning_content?: unknown;
  readonly reasoning?: unknown;
  readonly refusal?: unknown;
  readonly tool_calls?: unknown;
  readonly function_call?: unknown;
}

/**
 * Counts a parsed message or delta.
 * @param sampled whether a tokenizer is to see some of it, where there is one
 * @returns whether it says anything: a role alone is nothing
 * @throws UpstreamFailure for what is nested so deep that parsers of callers break on it
 */
export function countTexts(said: object, facts: AnswerFacts, sampled = true): boolean {
  const { content, reasoning_content, reasoning, refusal, tool_calls, function_call } = said as Said;
  if (isDeeper(said, MAX_DEPTH)) throw new UpstreamFailure('fault', 'malformed', 'elsewhere');
  const texts: string[] = [];
  addText(content, texts);
  // Some engines say the same under both names.
  addText(isEmpty(reasoning_content) ? reasoning : reasoning_content, texts);
  addText(refusal, texts);
  const calls: unknown[] = Array.isArray(tool_calls) ? tool_calls : [];
  for (const call of calls) addCall(memberOf(call, 'function'), texts);
  addCall(function_call, texts);
  for (const text of texts) {
    facts.characters += text.length;
    if (sampled) facts.sample?.add(text);
  }
  return texts.length > 0 || calls.length > 0 || Boolean(function_call);
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  // What was parsed has no members but its own.
  for (const name in value) if (isDeeper((value as Record<string, unknown>)[name], levels - 1)) return true;
  return false;
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

/** A text, or parts that hold some. */
function addText(value: unknown, texts: string[]): void {
  if (typeof value === 'string') {
    if (value !== '') texts.push(value);
  } else if (Array.isArray(value)) {
    for (const part of value as unknown[]) {
      addText(memberOf(part, 'text'), texts);
      addText(memberOf(part, 'thinking'), texts);
    }
  }
}

function addCall(call: unknown, texts: string[]): void {
  addText(memberOf(call, 'name'), texts);
  addText(memberOf(call, 'arguments'), texts);
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

/** Members with a text, in the JSON of a chunk: within a text their quotes would be escaped. */
const TEXT = /"(?:content|reasoning_content|refusal|arguments|name|text)":\s*"/g;
const REASONING = /"reasoning":\s*"/g;
const ESCAPE = '\\';
const BACKSLASH = 0x5c;

/** Counts the JSON of a chunk that is passed on unread. */
export function countUnreadTexts(payload: string, facts: AnswerFacts): void {
  if (!countMembers(payload, TEXT, facts)) countMembers(payload, REASONING, facts);
}

function countMembers(payload: string, member: RegExp, facts: AnswerFacts): boolean {
  const before = facts.characters;
  // What is no JSON once is not read as such again: each failure costs ten times what a text does.
  let readable = true;
  member.lastIndex = 0;
  while (member.test(payload)) {
    const end = endOfString(payload, member.lastIndex);
    const literal = payload.slice(member.lastIndex, end);
    const read: string | undefined = readable ? textOf(literal) : undefined;
    readable = read !== undefined;
    const text = read ?? literal;
    facts.characters += text.length;
    facts.sample?.add(text);
    member.lastIndex = end;
  }
  return facts.characters > before;
}

/** The closing quote of a string that begins at `start`, or the end of a payload that has none. */
function endOfString(payload: string, start: number): number {
  for (let at = payload.indexOf('"', start); at >= 0; at = payload.indexOf('"', at + 1)) {
    let before = at - 1;
    while (payload.charCodeAt(before) === BACKSLASH) before--;
    if ((at - before) % 2 === 1) return at;
  }
  return payload.length;
}

/** What is written between two quotes: an escape is one character. undefined where it is no JSON, and passed on as it came. */
function textOf(literal: string): string | undefined {
  if (!literal.includes(ESCAPE)) return literal;
  try {
    return JSON.parse(`"${literal}"`) as string;
  } catch {
    return undefined;
  }
}
