import { asError, giveBatch, giveEnd } from '../kernel/batch-reading.js';
import { type RequestContext } from '../kernel/request-context.js';
import {
  type Answer,
  type AnswerFacts,
  type BatchReader,
  type EventBatch,
  UpstreamFailure,
} from '../kernel/upstream.js';
import { hasEnded, lengthEnding } from './length-ending.js';
import { type SlicedReservation, slicedReservationOf } from './sliced-reservation.js';

/**
 * Fewest tokens that a long text can be: cut by it, no honest answer of natural language or code is. The estimate that
 * is charged assumes 4.
 */
const MOST_CHARACTERS_PER_TOKEN = 16;
/** Events beyond the reservation that an honest upstream may send: roles, openings of tool calls, empty deltas. */
const GRACE_EVENTS = 16;
const GRACE_SHARE = 1 / 16;

/**
 * Ends the stream of a request that holds a reservation with `finish_reason: "length"` for every choice still open:
 * once the upstream, against the cap that it was given, has sent more than was reserved, or where the next slice of a
 * sliced reservation was refused. Overshoot of the one is at most a sixteenth plus 16 events plus one read where an
 * event is a token, of the other one read. Without a reservation: the answer itself.
 */
export function reservedStream(ctx: RequestContext, answer: Answer): Answer {
  const reserved = ctx.reservedOutputTokens;
  const facts = ctx.answeredBy?.facts;
  if (reserved === undefined || !facts || answer.first.json) return answer;
  return new ReservedStream(ctx, answer, facts, reserved, slicedReservationOf(ctx));
}

/** Whether more tokens have come than were reserved, beyond doubt. */
function exceeds({ usage, deltas, characters }: AnswerFacts, reserved: number): boolean {
  if (usage && usage.completionTokens > reserved) return true;
  const most = reserved + GRACE_EVENTS + reserved * GRACE_SHARE;
  return deltas > most || characters > MOST_CHARACTERS_PER_TOKEN * most;
}

class ReservedStream implements Answer, BatchReader {
  readonly first: EventBatch;
  #last = '{}';
  #state: 'open' | 'cutting' | 'ended' = 'open';
  #reader: BatchReader | undefined;

  constructor(
    private readonly ctx: RequestContext,
    private readonly answer: Answer,
    private readonly firstFacts: AnswerFacts,
    /** The most that the answer may ever use, output tokens of all choices. */
    private readonly reserved: number,
    private readonly slices: SlicedReservation | undefined,
  ) {
    this.first = this.#counted(answer.first);
  }

  read(reader: BatchReader): void {
    this.#reader = reader;
    if (!this.slices?.isSpent) this.#readPaid(reader);
    else {
      this.#awaitSlice(this.slices)
        .then(() => this.#readPaid(reader))
        .catch((error: unknown) => giveEnd(reader, asError(error)));
    }
  }

  batch(batch: EventBatch): void {
    this.#reader?.batch(this.#counted(batch));
  }

  end(failure: Error | undefined): void {
    this.#reader?.end(failure);
  }

  #readPaid(reader: BatchReader): void {
    if (this.#state === 'open') this.answer.read(this);
    else if (this.#state === 'ended') reader.end(undefined);
    else {
      this.#state = 'ended';
      giveBatch(reader, { payloads: [lengthEnding(this.ctx, this.facts, this.#last)], json: undefined });
    }
  }

  /** What has come is paid; what comes next waits until it is. */
  async #awaitSlice(slices: SlicedReservation): Promise<void> {
    if (this.#state !== 'open' || hasEnded(this.ctx, this.facts)) return;
    if (!(await slices.covers())) this.#cut();
  }

  /** Lets the batch through, for it is paid; after one that goes too far the upstream is let go of at once. */
  #counted(batch: EventBatch): EventBatch {
    const { facts, ctx, slices } = this;
    slices?.use(facts);
    const tooFar = exceeds(facts, this.reserved);
    if (tooFar || slices) this.#last = batch.payloads.at(-1) ?? this.#last;
    if (tooFar && !hasEnded(ctx, facts)) this.#cut();
    return batch;
  }

  /** Of the attempt that answers now: another one may have gone on with a stream that broke. */
  get facts(): AnswerFacts {
    return this.ctx.answeredBy?.facts ?? this.firstFacts;
  }

  #cut(): void {
    this.#state = 'cutting';
    this.ctx.cut = 'reservation_spent';
    this.ctx.abort(new UpstreamFailure('ignored', 'cancelled', 'never'));
  }
}
