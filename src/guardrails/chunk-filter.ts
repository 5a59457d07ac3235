import { jsonText } from '../kernel/json-text.js';
import { type OutputLimits } from '../kernel/snapshot.js';
import { UpstreamFailure } from '../kernel/upstream.js';
import { ChoiceFilter } from './choice-filter.js';
import { ChunkFrame } from './chunk-frame.js';
import { type ReportHit, type Rule } from './rule.js';
import { isEmptyDelta, isObject, type JsonObject } from './text-fields.js';

/** Frames that are looked for in a stream: where each chunk has another, looking for it costs more than it saves. */
const MAX_FRAMES = 4;

/** The guardrails of one streamed answer: chunks in, chunks out. */
export class ChunkFilter {
  readonly #choices = new Map<number, ChoiceFilter>();
  /** The chunk whose members, choices and usage apart, the chunks made here share. */
  #last: JsonObject = { object: 'chat.completion.chunk' };
  #frame: ChunkFrame | undefined;
  #frames = 0;

  /** @param expected how many choices the caller asked for */
  constructor(
    private readonly rules: readonly Rule[],
    private readonly limits: OutputLimits,
    private readonly expected: number,
    private readonly report: ReportHit,
  ) {}

  /** Every choice has ended, and the gateway ended one: nothing that the upstream still generates can leave. */
  get done(): boolean {
    if (this.#choices.size < this.expected) return false;
    let cut = false;
    for (const choice of this.#choices.values()) {
      if (!choice.ended) return false;
      cut ||= choice.endedBy !== undefined;
    }
    return cut;
  }

  /**
   * Takes one payload and appends what may leave now: the same string where nothing changes.
   * @throws UpstreamFailure malformed, where the payload is no JSON object
   */
  push(payload: string, out: string[]): void {
    const framed = this.#frame?.read(payload);
    const chunk = framed ?? parse(payload);
    if (!framed && this.#frames < MAX_FRAMES) this.#look(payload, chunk);
    const chunks = this.filter(chunk);
    if (chunks === undefined) out.push(payload);
    else for (const changed of chunks) out.push((framed && this.#frame?.write(changed)) ?? jsonText(changed));
  }

  #look(payload: string, chunk: JsonObject): void {
    this.#frame = ChunkFrame.of(payload, chunk);
    if (this.#frame) this.#frames++;
  }

  /** The upstream's stream ended: appends what is still held of choices that gave no finish_reason. */
  finish(out: string[]): void {
    const main: JsonObject[] = [];
    const endings: JsonObject[] = [];
    for (const [index, choice] of this.#choices) {
      if (choice.ended) continue;
      const delta: JsonObject = {};
      if (choice.flush(delta)) main.push({ index, delta, finish_reason: null });
      if (choice.endedBy) endings.push(ending(index, choice.endedBy));
      choice.ended = true;
    }
    for (const choices of [main, endings]) {
      if (choices.length > 0) out.push(jsonText(this.#made(choices)));
    }
  }

  /** Filters a parsed chunk, which it may change; undefined = it may leave as it is. */
  filter(chunk: JsonObject): readonly JsonObject[] | undefined {
    if (!Array.isArray(chunk.choices) || chunk.choices.length === 0) return undefined;
    this.#last = chunk;
    const main: JsonObject[] = [];
    const endings: JsonObject[] = [];
    let changed = false;
    for (const entry of chunk.choices as unknown[]) {
      if (isObject(entry)) changed = this.#filterEntry(entry, main, endings) || changed;
    }
    if (!changed) return undefined;
    const chunks: JsonObject[] = [];
    if (main.length > 0 || isObject(chunk.usage)) chunks.push({ ...chunk, choices: main });
    if (endings.length > 0) chunks.push(this.#made(endings));
    return chunks;
  }

  /** Sorts one choice's entry into the texts to send and the endings behind them; returns whether it changed. */
  #filterEntry(entry: JsonObject, main: JsonObject[], endings: JsonObject[]): boolean {
    const index = typeof entry.index === 'number' ? entry.index : 0;
    const choice = this.#choice(index);
    if (choice.ended) return true;
    let changed = this.rules.length > 0 && dropLogprobs(entry);
    const delta = isObject(entry.delta) ? entry.delta : {};
    changed = choice.filter(delta) || changed;
    if (choice.endedBy) {
      if (!isEmptyDelta(delta)) main.push({ ...entry, delta, finish_reason: null });
      endings.push(ending(index, choice.endedBy));
      return true;
    }
    if (typeof entry.finish_reason === 'string') return this.#endEntry(choice, entry, delta, main, endings) || changed;
    if (!changed || !isEmptyDelta(delta)) main.push(entry);
    return changed;
  }

  /** The upstream ends the choice: what is held goes before the ending. */
  #endEntry(
    choice: ChoiceFilter,
    entry: JsonObject,
    delta: JsonObject,
    main: JsonObject[],
    endings: JsonObject[],
  ): boolean {
    const flushed = choice.flush(delta);
    choice.ended = true;
    if (!flushed && !choice.endedBy) {
      main.push(entry);
      return false;
    }
    if (!isEmptyDelta(delta)) main.push({ ...entry, delta, finish_reason: null });
    const index = typeof entry.index === 'number' ? entry.index : 0;
    endings.push(choice.endedBy ? ending(index, choice.endedBy) : { ...entry, delta: {} });
    return true;
  }

  /** A chunk of the gateway's own. */
  #made(choices: readonly JsonObject[]): JsonObject {
    const chunk: JsonObject = { ...this.#last, choices };
    delete chunk.usage;
    return chunk;
  }

  #choice(index: number): ChoiceFilter {
    let choice = this.#choices.get(index);
    if (choice === undefined) {
      choice = new ChoiceFilter(index, this.rules, this.limits, this.report);
      this.#choices.set(index, choice);
    }
    return choice;
  }
}

/** Log probabilities repeat the text token by token, and name words that were not chosen. */
export function dropLogprobs(choice: JsonObject): boolean {
  if (choice.logprobs === undefined || choice.logprobs === null) return false;
  choice.logprobs = null;
  return true;
}

function ending(index: number, finishReason: string): JsonObject {
  return { index, delta: {}, finish_reason: finishReason };
}

function parse(payload: string): JsonObject {
  let chunk: unknown;
  try {
    chunk = JSON.parse(payload);
  } catch (cause) {
    throw new UpstreamFailure('fault', 'malformed', 'elsewhere', { cause });
  }
  if (!isObject(chunk)) throw new UpstreamFailure('fault', 'malformed', 'elsewhere');
  return chunk;
}
