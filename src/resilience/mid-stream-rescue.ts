/** Longer texts are not kept: a rescue would cost more than it saves. */
const MAX_CHARACTERS = 1_048_576;

/** Why a broken stream cannot be resumed. */
export type NotResumable = 'choices' | 'toolCalls' | 'refusal' | 'reasoning' | 'tooLong' | 'finished';

/** What one event of the stream brought, as far as a rescue must know. */
export interface SentDelta {
  readonly choice: number;
  readonly content: string | undefined;
  readonly reasoning: boolean;
  readonly toolCall: boolean;
  readonly refusal: boolean;
  readonly finished: boolean;
}

/** What has been sent to the client, so that another attempt can go on from there. */
export class SentText {
  #text = '';
  #obstacle: NotResumable | undefined;
  #reasoning = false;

  /** `choices`: the request's `n`. */
  constructor(choices: number) {
    if (choices > 1) this.#obstacle = 'choices';
  }

  /** The text so far, of the only choice. */
  get text(): string {
    return this.#text;
  }

  /** To be called for every event that goes to the client. */
  sent(delta: SentDelta): void {
    if (delta.choice > 0) this.#obstacle ??= 'choices';
    if (delta.toolCall) this.#obstacle ??= 'toolCalls';
    if (delta.refusal) this.#obstacle ??= 'refusal';
    if (delta.finished) this.#obstacle ??= 'finished';
    if (delta.reasoning) this.#reasoning = true;
    if (delta.content !== undefined && delta.content !== '') {
      this.#reasoning = delta.reasoning;
      if (!this.#obstacle) this.#text += delta.content;
    }
    if (this.#text.length > MAX_CHARACTERS) {
      this.#obstacle ??= 'tooLong';
      this.#text = '';
    }
  }

  /** undefined = the stream may be resumed. Reasoning is an obstacle while it goes on: nobody can continue a thought. */
  obstacle(): NotResumable | undefined {
    return this.#obstacle ?? (this.#reasoning ? 'reasoning' : undefined);
  }
}

/** The change to a request's body that makes a target flagged `continuesPrefix` go on from a text. */
export interface ContinuationEdit {
  /** To be appended to `messages`. */
  readonly message: { readonly role: 'assistant'; readonly content: string };
  /** Members to set: vLLM's way to say that the last message is unfinished. */
  readonly set: { readonly continue_final_message: true; readonly add_generation_prompt: false };
}

/** Never for a target that is not flagged: some reject a prefix, and their error would hide the first one. */
export function continuationEdit(sentText: string): ContinuationEdit {
  return {
    message: { role: 'assistant', content: sentText },
    set: { continue_final_message: true, add_generation_prompt: false },
  };
}

/**
 * Drops from a fresh answer what the client already has, as long as it repeats it exactly. Bounded: it looks at each
 * character once.
 */
export class RepeatedTextFilter {
  #position = 0;
  #mismatch = false;

  constructor(private readonly sentText: string) {}

  /** Has the fresh answer repeated all that was sent? If it ends before that, it is a mismatch, too. */
  get caughtUp(): boolean {
    return !this.#mismatch && this.#position === this.sentText.length;
  }

  /** The part of `text` that is new, '' while it repeats; undefined = it differs, and so it stays. */
  push(text: string): string | undefined {
    if (this.#mismatch) return undefined;
    const repeated = Math.min(text.length, this.sentText.length - this.#position);
    if (!this.sentText.startsWith(text.slice(0, repeated), this.#position)) {
      this.#mismatch = true;
      return undefined;
    }
    this.#position += repeated;
    return text.slice(repeated);
  }
}
