import { AnswerFacts, type EventDecoder, UpstreamFailure } from '../../kernel/upstream.js';
import { countUnreadTexts } from '../answer-text.js';
import { type AnswerFrame, completionId } from './anthropic-answer.js';
import { errorInAnswer } from './anthropic-error.js';
import { finishReasonOf } from './anthropic-finish.js';
import { ToolBlocks } from './anthropic-tool-blocks.js';
import { MessageUsage } from './anthropic-usage.js';

interface StreamEvent {
  readonly type?: unknown;
  readonly index?: unknown;
  readonly message?: { readonly id?: unknown; readonly model?: unknown; readonly usage?: unknown } | null;
  readonly content_block?: ContentBlock | null;
  readonly delta?: Delta | null;
  readonly usage?: unknown;
}

interface ContentBlock {
  readonly type?: unknown;
  readonly text?: unknown;
  readonly thinking?: unknown;
  readonly id?: unknown;
  readonly name?: unknown;
  readonly input?: unknown;
}

interface Delta {
  readonly type?: unknown;
  readonly text?: unknown;
  readonly thinking?: unknown;
  readonly partial_json?: unknown;
  readonly stop_reason?: unknown;
  readonly stop_details?: { readonly explanation?: unknown } | null;
}

/**
 * A Messages stream as chat.completion.chunk payloads. Event types, block types and deltas that are not known
 * are passed over: the API's promise is that more will come. Nothing after an error is read.
 */
export class AnthropicDecoder implements EventDecoder {
  readonly facts = new AnswerFacts();
  readonly #usage = new MessageUsage();
  readonly #tools: ToolBlocks;
  /** A chunk up to its delta, and after it: the same all along, so written once. */
  #head = '';
  readonly #tail: string;

  constructor(
    private readonly frame: AnswerFrame,
    private readonly includeUsage: boolean,
  ) {
    this.#tools = new ToolBlocks(frame.legacy);
    this.#tail = `,"logprobs":null,"finish_reason":null}]${includeUsage ? ',"usage":null' : ''}}`;
  }

  push(payload: string, _event: string | undefined, out: string[]): void {
    if (this.facts.failure) return;
    const event = parse(payload);
    // The data repeats the event's name, and is there where an intermediary lost the names.
    if (!event) this.#fail();
    else if (event.type === 'error') this.facts.failure = errorInAnswer(event) ?? malformed();
    else if (event.type === 'message_start') this.#start(event, out);
    else if (this.#head !== '') this.#read(event, out);
    else if (event.type !== 'ping') this.#fail();
  }

  #read(event: StreamEvent, out: string[]): void {
    switch (event.type) {
      case 'content_block_delta':
        this.#delta(event, out);
        break;
      case 'content_block_start':
        this.#block(event, out);
        break;
      case 'content_block_stop':
        this.#content(this.#tools.stop(event.index), out);
        break;
      case 'message_delta':
        this.#message(event, out);
        break;
      case 'message_stop':
        this.#stop(out);
        break;
    }
  }

  #start({ message }: StreamEvent, out: string[]): void {
    if (typeof message?.id !== 'string' || this.#head !== '') {
      this.#fail();
      return;
    }
    const model = typeof message.model === 'string' && message.model !== '' ? message.model : this.frame.model;
    this.facts.model = model;
    this.facts.choices = 1;
    this.#usage.read(message.usage);
    const id = JSON.stringify(completionId(message.id));
    this.#head = `{"id":${id},"object":"chat.completion.chunk","created":${this.frame.created},"model":${JSON.stringify(model)},"choices":[`;
    this.#chunk('{"role":"assistant","content":""}', out);
  }

  #block({ index, content_block: block }: StreamEvent, out: string[]): void {
    if (block?.type === 'tool_use') this.#content(this.#tools.start(index, block), out);
    else if (block?.type === 'text') this.#text('content', block.text, out);
    else if (block?.type === 'thinking') this.#text('reasoning_content', block.thinking, out);
  }

  #delta({ index, delta }: StreamEvent, out: string[]): void {
    switch (delta?.type) {
      case 'text_delta':
        this.#text('content', delta.text, out);
        break;
      case 'input_json_delta':
        this.#content(this.#tools.delta(index, delta.partial_json), out);
        break;
      case 'thinking_delta':
        this.#text('reasoning_content', delta.thinking, out);
        break;
    }
  }

  #message({ delta, usage }: StreamEvent, out: string[]): void {
    const { facts } = this;
    this.#usage.read(usage);
    facts.usage = this.#usage.total();
    const reason = delta?.stop_reason;
    if (typeof reason !== 'string' || facts.finished.size > 0) return;
    if (reason === 'refusal') this.#text('refusal', delta?.stop_details?.explanation, out);
    facts.finishReason = finishReasonOf(reason, this.frame.legacy);
    facts.finished.add(0);
    const end = `,"logprobs":null,"finish_reason":"${facts.finishReason}"}]${this.includeUsage ? ',"usage":null' : ''}}`;
    out.push(`${this.#head}{"index":0,"delta":{}${end}`);
  }

  #stop(out: string[]): void {
    if (this.facts.done) return;
    this.facts.done = true;
    const usage = this.#usage.toOpenAi();
    if (this.includeUsage && usage) out.push(`${this.#head}],"usage":${JSON.stringify(usage)}}`);
  }

  #text(member: 'content' | 'reasoning_content' | 'refusal', text: unknown, out: string[]): void {
    if (typeof text !== 'string' || text === '') return;
    this.facts.content = true;
    this.facts.deltas++;
    this.facts.characters += text.length;
    this.#chunk(`{"${member}":${JSON.stringify(text)}}`, out);
  }

  #content(delta: string | undefined, out: string[]): void {
    if (delta === undefined) return;
    this.facts.content = true;
    this.facts.deltas++;
    countUnreadTexts(delta, this.facts);
    this.#chunk(delta, out);
  }

  #chunk(delta: string, out: string[]): void {
    out.push(`${this.#head}{"index":0,"delta":${delta}${this.#tail}`);
  }

  #fail(): void {
    this.facts.failure = malformed();
  }
}

function parse(payload: string): StreamEvent | undefined {
  try {
    const event: unknown = JSON.parse(payload);
    return typeof event === 'object' && event !== null ? event : undefined;
  } catch {
    return undefined;
  }
}

function malformed(): UpstreamFailure {
  return new UpstreamFailure('fault', 'malformed', 'elsewhere');
}
