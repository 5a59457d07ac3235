import { AnswerFacts, type EventDecoder, UpstreamFailure } from '../../../src/kernel/upstream.js';
import { parrotFault } from './parrot-fault.js';

/** One event of a stream; `kind` says which of the other members are there. */
interface ParrotEvent {
  readonly kind?: unknown;
  readonly id?: unknown;
  readonly at?: unknown;
  readonly model?: unknown;
  readonly text?: unknown;
  readonly name?: unknown;
  readonly input?: unknown;
  readonly why?: unknown;
  readonly read?: unknown;
  readonly written?: unknown;
}

const FINISH: Readonly<Record<string, string>> = { finished: 'stop', limit: 'length', calls: 'tool_calls' };

/** OpenAI's word for why the parrot stopped; words that are yet unknown count as a plain stop. */
export function finishReasonOf(why: unknown): string {
  return FINISH[String(why)] ?? 'stop';
}

/** Parrot's events to OpenAI's chunks. One per attempt: what it has learnt is in `facts`. */
export class ParrotDecoder implements EventDecoder {
  readonly facts = new AnswerFacts();
  #id = '';
  #created = 0;
  #calls = 0;

  /** @param includeUsage whether the caller asked for the usage chunk */
  constructor(private readonly includeUsage: boolean) {}

  push(payload: string, _event: string | undefined, out: string[]): void {
    const event = parse(payload);
    switch (event?.kind) {
      case 'start':
        this.#start(event, out);
        break;
      case 'text':
        this.#content({ content: String(event.text) }, String(event.text).length, out);
        break;
      case 'call':
        this.#call(event, out);
        break;
      case 'end':
        this.#end(event, out);
        break;
      default:
        this.facts.failure ??= parrotFault(event) ?? new UpstreamFailure('fault', 'malformed', 'elsewhere');
    }
  }

  #start({ id, at, model }: ParrotEvent, out: string[]): void {
    this.#id = String(id);
    this.#created = Number(at);
    this.facts.model = String(model);
    this.facts.choices = 1;
    out.push(this.#chunk([{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }]));
  }

  #call({ id, name, input }: ParrotEvent, out: string[]): void {
    const text = JSON.stringify(input);
    const call = { index: this.#calls++, id, type: 'function', function: { name, arguments: text } };
    this.#content({ tool_calls: [call] }, text.length, out);
  }

  /** The first content is the commit point: from here on no other target may answer. */
  #content(delta: object, characters: number, out: string[]): void {
    this.facts.content = true;
    this.facts.deltas++;
    this.facts.characters += characters;
    out.push(this.#chunk([{ index: 0, delta, finish_reason: null }]));
  }

  #end({ why, read, written }: ParrotEvent, out: string[]): void {
    const usage = { promptTokens: Number(read), completionTokens: Number(written), cachedTokens: 0 };
    const finish = finishReasonOf(why);
    this.facts.usage = usage;
    this.facts.finishReason = finish;
    this.facts.finished.add(0);
    this.facts.done = true;
    out.push(this.#chunk([{ index: 0, delta: {}, finish_reason: finish }]));
    if (this.includeUsage) out.push(this.#chunk([], usageObject(usage.promptTokens, usage.completionTokens)));
  }

  #chunk(choices: readonly object[], usage?: object): string {
    const { model } = this.facts;
    const head = { id: this.#id, object: 'chat.completion.chunk', created: this.#created, model };
    return JSON.stringify({ ...head, choices, ...(usage && { usage }) });
  }
}

/** As OpenAI's usage object. */
export function usageObject(prompt: number, completion: number): object {
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}

function parse(payload: string): ParrotEvent | undefined {
  try {
    return (JSON.parse(payload) ?? undefined) as ParrotEvent | undefined;
  } catch {
    return undefined;
  }
}
