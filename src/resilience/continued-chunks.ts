import { type RepeatedTextFilter } from './mid-stream-rescue.js';
import { deltaOf, isGiven, type StreamChoice, type StreamChunk } from './stream-chunk.js';

type Delta = Readonly<Record<string, unknown>>;

/** Turns another attempt's chunks into the continuation of a stream that has one choice. */
export class ContinuedChunks {
  #differs = false;

  constructor(
    /** Of the stream that is continued: its chunks have one id to the end. */
    private readonly id: unknown,
    /** Where the attempt began afresh: what the caller has is dropped from it. */
    private readonly repeated: RepeatedTextFilter | undefined,
  ) {}

  /** The answer is another one: nothing of it may be sent. */
  get differs(): boolean {
    return this.#differs;
  }

  /** All that comes from now on is new. */
  get caughtUp(): boolean {
    return this.repeated?.caughtUp ?? true;
  }

  /** @returns what to send instead, or undefined where nothing new is left of it */
  push(chunk: StreamChunk): StreamChunk | undefined {
    const choices: StreamChoice[] = [];
    for (const choice of chunk.choices ?? []) {
      const fresh = this.#fresh(choice);
      if (this.#differs) return undefined;
      if (fresh) choices.push(fresh);
    }
    if (choices.length === 0 && !(isGiven(chunk.usage) && this.caughtUp)) return undefined;
    return { ...chunk, id: this.id, choices };
  }

  #fresh(choice: StreamChoice): StreamChoice | undefined {
    const delta: Delta = { ...choice.delta, role: undefined };
    const fresh = this.caughtUp ? delta : this.#beyondRepeated(choice, delta);
    if (fresh === undefined) return undefined;
    const says = typeof choice.finish_reason === 'string' || Object.values(fresh).some(isGiven);
    return says ? { ...choice, delta: fresh } : undefined;
  }

  /** Of thoughts the caller has those of the first attempt; whatever else is no text cannot be compared. */
  #beyondRepeated(choice: StreamChoice, delta: Delta): Delta | undefined {
    const { content, toolCall, refusal, finished } = deltaOf(choice);
    const rest = content === undefined ? '' : this.repeated?.push(content);
    this.#differs = toolCall || refusal || rest === undefined || (finished && !this.caughtUp);
    return this.#differs ? undefined : { ...delta, reasoning: undefined, reasoning_content: undefined, content: rest };
  }
}
