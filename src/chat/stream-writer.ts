import { Logger } from '@nestjs/common';
import { type ServerResponse } from 'node:http';
import { asError, nextBatch } from '../kernel/batch-reading.js';
import { type Clock } from '../kernel/clock.js';
import { GatewayError } from '../kernel/gateway-error.js';
import { type RequestContext } from '../kernel/request-context.js';
import { type Answer, type BatchReader, type EventBatch, UpstreamFailure } from '../kernel/upstream.js';
import { callerError } from '../resilience/caller-error.js';

const DONE = 'data: [DONE]\n\n';
/** The headers had gone when the stream broke: a comment, which clients skip, tells that it was put together. */
const RESUMED_DONE = `: resumed\n\n${DONE}`;

const logger = new Logger('StreamWriter');

/** Writes one stream to its caller, as fast as the caller takes it. */
export class StreamWriter implements BatchReader {
  #begun = false;

  /** @param raw whose head is written, or waits for the first events */
  constructor(
    private readonly ctx: RequestContext,
    private readonly answer: Answer,
    private readonly raw: ServerResponse,
    private readonly clock: Clock,
  ) {}

  /** Writes the batch and asks for the next one; after the end, does nothing. Never throws. */
  batch(batch: EventBatch): void {
    if (this.raw.writableEnded) return;
    try {
      if (this.ctx.closed || this.#written(batch)) this.#goOn();
      else this.#whenDrained();
    } catch (error) {
      this.end(asError(error));
    }
  }

  /** Ends the answer; once. Never throws. */
  end(failure: Error | undefined): void {
    const { ctx, raw } = this;
    if (ctx.closed || raw.writableEnded) return;
    try {
      raw.end(failure ? this.#broken(failure) : this.#completed());
    } catch (error) {
      logger.error(error);
      ctx.end = 'broken';
      raw.destroy();
    }
  }

  #completed(): string {
    const { ctx } = this;
    ctx.end = 'completed';
    return ctx.continued.length === 0 ? DONE : RESUMED_DONE;
  }

  /** No [DONE]: official SDKs raise the error object, and a truncated stream never looks complete. */
  #broken(failure: Error): string {
    const { ctx } = this;
    ctx.end = 'broken';
    const told = failure instanceof UpstreamFailure ? callerError(failure, ctx, this.clock) : toInternal(failure);
    ctx.code = told.code;
    return `data: ${JSON.stringify({ error: told.toObject() })}\n\n`;
  }

  /** @returns false where the caller is to be waited for */
  #written(batch: EventBatch): boolean {
    const events = frame(batch);
    // Node sends the headers with the first write.
    if (this.#begun) return writeEvents(this.raw, events);
    this.#begun = true;
    return this.raw.write(events);
  }

  #goOn(): void {
    if (this.ctx.closed) readOn(this.ctx, this.answer);
    else this.answer.read(this);
  }

  /** Waits until the caller's socket takes more; a caller that takes nothing for too long is let go. */
  #whenDrained(): void {
    const { ctx, raw } = this;
    const stalled = this.clock.after(ctx.snapshot.limits.writeStallMs, () => raw.destroy());
    // Events written past Node's framing are told of by the socket alone.
    const { socket } = raw;
    let waits = true;
    const go = (): void => {
      // Node tells the answer from within the socket's event, which then still calls who was there as it began.
      if (!waits) return;
      waits = false;
      stalled.cancel();
      raw.off('drain', go).off('close', go);
      socket?.off('drain', go);
      try {
        this.#goOn();
      } catch (error) {
        this.end(asError(error));
      }
    };
    raw.once('drain', go).once('close', go);
    socket?.once('drain', go);
    if (ctx.closed) go();
  }
}

/** Reads to its end what nobody gets, where the provider's usage is worth it. */
export function readOn(ctx: RequestContext, answer: Answer): void {
  if (!ctx.lingers) return;
  nextBatch(answer).then(
    (batch) => {
      if (batch) readOn(ctx, answer);
    },
    () => {
      // The attempt has recorded how it ended.
    },
  );
}

/**
 * Writes events as one chunk of an answer that has begun: in one write, where Node's own framing takes one for each of
 * length, text and line end. What Node still holds of the answer (newer ones put chunks of one tick together) goes first.
 * @returns false where the caller is to be waited for
 */
function writeEvents(raw: ServerResponse, events: string): boolean {
  const { socket } = raw;
  if (!socket || !raw.chunkedEncoding || raw.writableLength > 0) return raw.write(events);
  return socket.write(`${Buffer.byteLength(events).toString(16)}\r\n${events}\r\n`);
}

function frame({ payloads }: EventBatch): string {
  let text = '';
  for (const payload of payloads) text += `data: ${payload}\n\n`;
  return text;
}

function toInternal(error: Error): GatewayError {
  logger.error(error);
  return new GatewayError('internal_error', { cause: error });
}
