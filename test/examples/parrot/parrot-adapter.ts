import { type ChatMessage, type ChatRequest } from '../../../src/kernel/openai.js';
import { plainAnswerOf } from '../../../src/kernel/plain-answer.js';
import { type Target } from '../../../src/kernel/snapshot.js';
import {
  AnswerFacts,
  type DecodedAnswer,
  type EncodeOptions,
  type EventDecoder,
  type ProviderAdapter,
  type ResponseHeaders,
  UpstreamFailure,
  type UpstreamRequest,
} from '../../../src/kernel/upstream.js';
import { finishReasonOf, ParrotDecoder, usageObject } from './parrot-decoder.js';
import { classifyFault, parrotFault } from './parrot-fault.js';

/** Members of a request that have a place in Parrot's format; all others are named as dropped. */
const TAKEN = new Set([
  'model',
  'messages',
  'stream',
  'stream_options',
  'max_tokens',
  'max_completion_tokens',
  'tools',
]);

interface ParrotAnswer {
  readonly id: string;
  readonly at: number;
  readonly model: string;
  readonly text: string;
  readonly calls?: readonly { readonly id: string; readonly name: string; readonly input: unknown }[];
  readonly why: string;
  readonly read: number;
  readonly written: number;
}

/** Parrot: an invented wire format, small enough to read and complete enough to pass the contract. */
export class ParrotAdapter implements ProviderAdapter {
  readonly kind = 'parrot';
  readonly probePath = '/perch';

  credentials(apiKey: string): Readonly<Record<string, string>> {
    return { 'x-parrot-key': apiKey };
  }

  encode({ body }: ChatRequest, target: Target, { stream, maxTokens }: EncodeOptions): UpstreamRequest {
    const limit = maxTokens ?? body.max_completion_tokens ?? body.max_tokens ?? undefined;
    const sent = { model: target.model, stream, limit, turns: body.messages.map(turn), tools: body.tools ?? undefined };
    const dropped = Object.entries(body).filter(([name, value]) => value !== null && !TAKEN.has(name));
    return {
      path: '/speak',
      headers: {},
      body: [Buffer.from(JSON.stringify(sent))],
      droppedParams: dropped.map(([name]) => name).sort(),
    };
  }

  decoder(request: ChatRequest): EventDecoder {
    return new ParrotDecoder(request.includeUsage);
  }

  decodeAnswer(body: Buffer): DecodedAnswer {
    const answer = parse(body);
    const failure = parrotFault(answer);
    if (failure) throw failure;
    if (!isAnswer(answer)) throw new UpstreamFailure('fault', 'malformed', 'elsewhere');
    return { facts: factsOf(answer), json: plainAnswerOf(JSON.stringify(completion(answer))) };
  }

  classify(status: number, headers: ResponseHeaders, body: Buffer): UpstreamFailure {
    return classifyFault(status, headers, parse(body));
  }
}

function turn({ role, content, tool_call_id: answers, tool_calls: calls }: ChatMessage): object {
  const parts =
    typeof content === 'string' ? [content] : (content ?? []).map(({ text }) => (typeof text === 'string' ? text : ''));
  return { from: role, text: parts.join(''), answers: answers ?? undefined, calls: calls ?? undefined };
}

function factsOf(answer: ParrotAnswer): AnswerFacts {
  const facts = new AnswerFacts();
  facts.content = facts.done = true;
  facts.choices = facts.deltas = 1;
  facts.characters = answer.text.length + JSON.stringify(answer.calls ?? []).length;
  facts.finished.add(0);
  facts.finishReason = finishReasonOf(answer.why);
  facts.model = answer.model;
  facts.usage = { promptTokens: answer.read, completionTokens: answer.written, cachedTokens: 0 };
  return facts;
}

function completion({ id, at, model, text, calls, why, read, written }: ParrotAnswer): object {
  const toolCalls = calls?.map(({ id: callId, name, input }) => ({
    id: callId,
    type: 'function',
    function: { name, arguments: JSON.stringify(input) },
  }));
  const message = { role: 'assistant', content: text, ...(toolCalls && { tool_calls: toolCalls }) };
  const choices = [{ index: 0, message, finish_reason: finishReasonOf(why) }];
  return { id, object: 'chat.completion', created: at, model, choices, usage: usageObject(read, written) };
}

function isAnswer(value: unknown): value is ParrotAnswer {
  return typeof value === 'object' && value !== null && 'text' in value && typeof value.text === 'string';
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
