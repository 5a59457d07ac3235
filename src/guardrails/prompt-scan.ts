import { GatewayError } from '../kernel/gateway-error.js';
import { type ChatMessage } from '../kernel/openai.js';
import { byPlace, FieldScanner, type SourceMatch } from './field-scanner.js';
import { type ReportHit, type Rule } from './rule.js';
import { REDACTION } from './stream-filter.js';

/** UTF-16 units scanned before the event loop gets its turn: well below a millisecond for most text. */
const SLICE = 8 * 1024;

export interface PromptVerdict {
  /** A blocking rule matched. */
  readonly error: GatewayError | undefined;
  /** The messages to send upstream in the place of the request's; undefined = nothing was redacted. */
  readonly messages: readonly ChatMessage[] | undefined;
}

/**
 * Runs the input rules over each message's text parts, put together per message: a word split over parts counts.
 * Tool definitions, images and earlier tool calls are not read.
 * @param turn resolves when the event loop has had its turn
 */
export async function scanPrompt(
  messages: readonly ChatMessage[],
  rules: readonly Rule[],
  report: ReportHit,
  turn: () => Promise<void>,
): Promise<PromptVerdict> {
  if (rules.length === 0) return { error: undefined, messages: undefined };
  const scanner = new FieldScanner(rules);
  const redacted: ChatMessage[] = [];
  let changed = false;
  let scanned = 0;
  for (const [index, message] of messages.entries()) {
    scanner.reset();
    for (const text of textsOf(message)) {
      for (let from = 0; from < text.length; from += SLICE) {
        const to = Math.min(text.length, from + SLICE);
        scanner.push(text, from, to);
        scanned += to - from;
        if (scanned < SLICE) continue;
        scanned = 0;
        await turn();
      }
    }
    scanner.finish();
    const field = `messages[${index}].content`;
    const counting = reportOnce(scanner.matches, field, report);
    if (counting.some((match) => match.action === 'block')) {
      return { error: new GatewayError('content_filter', { param: field }), messages: undefined };
    }
    const ranges = counting.filter((match) => match.action === 'redact');
    changed ||= ranges.length > 0;
    redacted.push(ranges.length > 0 ? redact(message, ranges) : message);
  }
  return { error: undefined, messages: changed ? redacted : undefined };
}

/** The matches in the order of their places up to the first that blocks; each rule is reported once per message. */
function reportOnce(matches: readonly SourceMatch[], field: string, report: ReportHit): readonly SourceMatch[] {
  if (matches.length === 0) return matches;
  const sorted = [...matches].sort(byPlace);
  const block = sorted.findIndex((match) => match.action === 'block');
  const counting = block < 0 ? sorted : sorted.slice(0, block + 1);
  const seen = new Set<string>();
  for (const { ruleId, action, start } of counting) {
    if (seen.has(ruleId)) continue;
    seen.add(ruleId);
    report({ ruleId, action, direction: 'input', field, offset: start });
  }
  return counting;
}

function* textsOf({ content }: ChatMessage): Generator<string> {
  if (typeof content === 'string') yield content;
  else if (content) for (const part of content) if (isText(part)) yield part.text;
}

function isText(part: { readonly type: string }): part is { type: string; text: string } {
  return part.type === 'text' && 'text' in part && typeof part.text === 'string';
}

/** The message with some ranges of its text, all parts counted as one, replaced. */
function redact(message: ChatMessage, ranges: readonly SourceMatch[]): ChatMessage {
  const { content } = message;
  if (typeof content === 'string') return { ...message, content: redactText(content, 0, ranges) };
  let offset = 0;
  const parts = content?.map((part) => {
    if (!isText(part)) return part;
    const text = redactText(part.text, offset, ranges);
    offset += part.text.length;
    return { ...part, text };
  });
  return { ...message, content: parts };
}

/** @param offset where the text begins in the message; a range that began before it leaves no second mark */
function redactText(text: string, offset: number, ranges: readonly SourceMatch[]): string {
  let result = '';
  let kept = offset;
  const end = offset + text.length;
  let redactedTo = 0;
  for (const range of ranges) {
    const from = Math.max(range.start, offset);
    if (from < end && range.end > offset) {
      result += text.slice(kept - offset, Math.max(kept, from) - offset);
      if (range.start >= redactedTo && range.start >= offset) result += REDACTION;
      kept = Math.max(kept, Math.min(range.end, end));
    }
    redactedTo = Math.max(redactedTo, range.end);
  }
  return result + text.slice(kept - offset);
}
