import { type RequestContext } from '../kernel/request-context.js';
import { type Answer, type AnswerFacts, type EventBatch, UpstreamFailure } from '../kernel/upstream.js';

/**
 * Fewest tokens that a long text can be: cut by it, no honest answer of natural language or code is. The estimate that
 * is charged assumes 4.
 */
const MOST_CHARACTERS_PER_TOKEN = 16;
/** Events beyond the reservation that an honest upstream may send: roles, openings of tool calls, empty deltas. */
const GRACE_EVENTS = 16;
const GRACE_SHARE = 1 / 16;

/**
 * Ends the stream of a request that holds a reservation once the upstream, against the cap that it was given, has
 * sent more than was reserved: with `finish_reason: "length"` for every choice still open. Overshoot is at most a
 * sixteenth plus 16 events plus one read where an event is a token. Without a reservation: the answer itself.
 */
export function reservedStream(ctx: RequestContext, answer: Answer): Answer {
  const reserved = ctx.reservedOutputTokens;
  const facts = ctx.answeredBy?.facts;
  if (reserved === undefined || !facts || answer.first.json) return answer;
  return new ReservedStream(ctx, answer, facts, reserved);
}

/** Whether more tokens have come than were reserved, beyond doubt. */
function exceeds({ usage, deltas, characters }: AnswerFacts, reserved: number): boolean {
  if (usage && usage.completionTokens > reserved) return true;
  const most = reserved + GRACE_EVENTS + reserved * GRACE_SHARE;
  return deltas > most || characters > MOST_CHARACTERS_PER_TOKEN * most;
}

class ReservedStream implements Answer {
  readonly first: EventBatch;
  #last = '{}';
  #state: 'open' | 'cutting' | 'ended' = 'open';

  constructor(
    private readonly ctx: RequestContext,
    private readonly answer: Answer,
    private readonly firstFacts: AnswerFacts,
    private readonly reserved: number,
  ) {
    this.first = this.#counted(answer.first);
  }

  async next(): Promise<EventBatch | undefined> {
    if (this.#state === 'open') {
      const batch = await this.answer.next();
      return batch && this.#counted(batch);
    }
    if (this.#state === 'ended') return undefined;
    this.#state = 'ended';
    return { payloads: [this.#ending()], json: undefined };
  }

  /** Lets the batch through, for it is paid; after one that goes too far the upstream is let go of at once. */
  #counted(batch: EventBatch): EventBatch {
    const { facts, ctx } = this;
    if (!exceeds(facts, this.reserved) || facts.done || facts.finished.size >= this.#choices) return batch;
    this.#last = batch.payloads.at(-1) ?? this.#last;
    this.#state = 'cutting';
    ctx.cut = 'reservation_spent';
    ctx.abort(new UpstreamFailure('ignored', 'cancelled', 'never'));
    return batch;
  }

  /** Of the attempt that answers now: another one may have gone on with a stream that broke. */
  get facts(): AnswerFacts {
    return this.ctx.answeredBy?.facts ?? this.firstFacts;
  }

  get #choices(): number {
    return Math.max(this.facts.choices, this.ctx.request?.choices ?? 1);
  }

  /** A chunk like the upstream's last, which is parsed only now. */
  #ending(): string {
    const choices: object[] = [];
    for (let index = 0; index < this.#choices; index++) {
      if (!this.facts.finished.has(index)) choices.push({ index, delta: {}, finish_reason: 'length' });
    }
    return JSON.stringify({ object: 'chat.completion.chunk', ...members(this.#last), choices, usage: undefined });
  }
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
