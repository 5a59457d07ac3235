import { plainAnswerOf } from '../../kernel/plain-answer.js';
import { AnswerFacts, type DecodedAnswer, UpstreamFailure } from '../../kernel/upstream.js';
import { countTexts } from '../answer-text.js';
import { errorInAnswer } from './anthropic-error.js';
import { finishReasonOf } from './anthropic-finish.js';
import { MessageUsage } from './anthropic-usage.js';

interface Block {
  readonly type?: unknown;
  readonly text?: unknown;
  readonly thinking?: unknown;
  readonly id?: unknown;
  readonly name?: unknown;
  readonly input?: unknown;
}

interface Message {
  readonly id?: unknown;
  readonly model?: unknown;
  readonly content?: unknown;
  readonly stop_reason?: unknown;
  readonly stop_details?: { readonly explanation?: unknown } | null;
  readonly usage?: unknown;
}

export interface AnswerFrame {
  /** Seconds since the epoch: the API tells no time. */
  readonly created: number;
  /** Reported where the upstream names none. */
  readonly model: string;
  /** The caller expects `function_call` instead of `tool_calls`. */
  readonly legacy: boolean;
}

/** An upstream's message id as OpenAI's; engines that speak both formats have it so already. */
export function completionId(id: string): string {
  return id.startsWith('chatcmpl-') ? id : `chatcmpl-${id}`;
}

/**
 * A plain Message as a chat.completion.
 * @throws UpstreamFailure for an error object, or for anything that is not a Message
 */
export function decodeMessage(body: Buffer, frame: AnswerFrame): DecodedAnswer {
  const answer = parse(body);
  const failure = errorInAnswer(answer);
  if (failure) throw failure;
  const { id, content, stop_reason: stopReason, model, usage } = answer;
  if (typeof id !== 'string' || !Array.isArray(content) || typeof stopReason !== 'string') throw malformed();
  const message = toMessage(content.filter(isBlock), answer, frame.legacy);
  const counted = new MessageUsage();
  counted.read(usage);
  const facts = new AnswerFacts();
  facts.content = facts.done = true;
  facts.choices = facts.deltas = 1;
  facts.finished.add(0);
  facts.finishReason = finishReasonOf(stopReason, frame.legacy);
  facts.usage = counted.total();
  facts.model = typeof model === 'string' && model !== '' ? model : frame.model;
  countTexts(message, facts);
  const completion = {
    id: completionId(id),
    object: 'chat.completion',
    created: frame.created,
    model: facts.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: facts.finishReason }],
    ...(facts.usage && { usage: counted.toOpenAi() }),
  };
  return { facts, json: plainAnswerOf(JSON.stringify(completion)) };
}

function toMessage(blocks: readonly Block[], answer: Message, legacy: boolean): Record<string, unknown> {
  const text = join(blocks, 'text');
  const reasoning = join(blocks, 'thinking');
  const calls = blocks.filter(({ type }) => type === 'tool_use');
  const said = answer.stop_reason === 'refusal' ? answer.stop_details?.explanation : undefined;
  const refusal = typeof said === 'string' ? said : null;
  return {
    role: 'assistant',
    content: text === '' && (calls.length > 0 || refusal !== null) ? null : text,
    refusal,
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(calls.length > 0 && (legacy ? { function_call: toFunction(calls[0]) } : { tool_calls: calls.map(toCall) })),
  };
}

function toCall(block: Block): Record<string, unknown> {
  return { id: block.id, type: 'function', function: toFunction(block) };
}

function toFunction(block: Block | undefined): Record<string, unknown> {
  return { name: block?.name, arguments: JSON.stringify(block?.input ?? {}) };
}

function join(blocks: readonly Block[], kind: 'text' | 'thinking'): string {
  let joined = '';
  for (const block of blocks) {
    const piece = block.type === kind ? block[kind] : undefined;
    if (typeof piece === 'string') joined += piece;
  }
  return joined;
}

function isBlock(value: unknown): value is Block {
  return typeof value === 'object' && value !== null;
}

function parse(body: Buffer): Message {
  try {
    const answer: unknown = JSON.parse(body.toString());
    if (typeof answer === 'object' && answer !== null) return answer;
  } catch {
    // Falls through: HTML, a cut body and a bare value are all the same to the caller.
  }
  throw malformed();
}

function malformed(): UpstreamFailure {
  return new UpstreamFailure('fault', 'malformed', 'elsewhere');
}
