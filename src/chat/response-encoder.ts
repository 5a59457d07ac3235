import { Inject, Injectable, Logger } from '@nestjs/common';
import { type FastifyReply } from 'fastify';
import { type ServerResponse } from 'node:http';
import { type Clock } from '../kernel/clock.js';
import { GatewayError } from '../kernel/gateway-error.js';
import { type RequestContext } from '../kernel/request-context.js';
import { type PlainAnswer } from '../kernel/plain-answer.js';
import { CLOCK } from '../kernel/tokens.js';
import { type Answer, type EventBatch, UpstreamFailure } from '../kernel/upstream.js';
import { TurnBatch } from '../kernel/turn-batch.js';
import { callerError, failedProviders } from '../resilience/caller-error.js';
import { DrainState } from '../resilience/drain-state.js';

const DONE = 'data: [DONE]\n\n';
/** The headers had gone when the stream broke: a comment, which clients skip, tells that it was put together. */
const RESUMED_DONE = `: resumed\n\n${DONE}`;
const STREAM_HEADERS = [
  'content-type',
  'text/event-stream; charset=utf-8',
  'cache-control',
  'no-store',
  'x-accel-buffering',
  'no',
  'x-content-type-options',
  'nosniff',
];
/** Writes an answer to the caller: JSON or server-sent events. The only place that knows the one from the other. */
@Injectable()
export class ResponseEncoder {
  readonly #logger = new Logger('ResponseEncoder');
  readonly #writes: TurnBatch;

  constructor(
    private readonly drain: DrainState,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.#writes = new TurnBatch(clock);
  }

  /**
   * Takes the reply over from Fastify: the status is true, for the first content is in hand.
   * @returns what resolves when a stream has been written, or undefined for a plain answer, which leaves in this turn
   */
  write(ctx: RequestContext, answer: Answer, reply: FastifyReply): Promise<void> | undefined {
    reply.hijack();
    const { raw } = reply;
    // Node then says `Connection: close`: whoever waits for the connection to be free must not send another request.
    if (this.drain.closesConnections) raw.shouldKeepAlive = false;
    if (ctx.closed || raw.destroyed) return this.#readOn(ctx, answer);
    ctx.status = 200;
    ctx.firstContentAt = this.clock.now();
    const { json } = answer.first;
    if (json) {
      this.#writes.add(() => {
        if (!ctx.closed) writePlain(ctx, json, raw);
      });
      return undefined;
    }
    raw.writeHead(200, answerHeaders(ctx).concat(STREAM_HEADERS));
    return this.#stream(ctx, answer, raw);
  }

  async #stream(ctx: RequestContext, answer: Answer, raw: ServerResponse): Promise<void> {
    try {
      let begun = false;
      for (let batch: EventBatch | undefined = answer.first; batch; batch = await answer.next()) {
        // Node sends the headers with the first write.
        const taken = begun ? writeEvents(raw, frame(batch)) : raw.write(frame(batch));
        begun = true;
        if (!taken) await this.#drained(ctx, raw);
        if (ctx.closed) {
          await this.#readOn(ctx, answer);
          return;
        }
      }
      if (ctx.closed) return;
      ctx.end = 'completed';
      raw.end(ctx.continued.length === 0 ? DONE : RESUMED_DONE);
    } catch (error) {
      if (ctx.closed) return;
      const told =
        error instanceof UpstreamFailure ? callerError(error, ctx, this.clock) : toInternal(error, this.#logger);
      ctx.code = told.code;
      ctx.end = 'broken';
      // No [DONE]: official SDKs raise the error object, and a truncated stream never looks complete.
      raw.end(`data: ${JSON.stringify({ error: told.toObject() })}\n\n`);
    }
  }

  /** Reads to its end what nobody gets, where the provider's usage is worth it. */
  async #readOn(ctx: RequestContext, answer: Answer): Promise<void> {
    try {
      while (ctx.lingers && (await answer.next()));
    } catch {
      // The attempt has recorded how it ended.
    }
  }

  /** Waits until the caller's socket takes more; a caller that takes nothing for too long is let go. */
  #drained(ctx: RequestContext, raw: ServerResponse): Promise<void> {
    return new Promise((resolve) => {
      const stalled = this.clock.after(ctx.snapshot.limits.writeStallMs, () => raw.destroy());
      // Events written past Node's framing are told of by the socket alone.
      const { socket } = raw;
      const go = (): void => {
        stalled.cancel();
        raw.off('drain', go).off('close', go);
        socket?.off('drain', go);
        resolve();
      };
      raw.once('drain', go).once('close', go);
      socket?.once('drain', go);
      if (ctx.closed) go();
    });
  }
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

function answerHeaders(ctx: RequestContext): string[] {
  const { attempts } = ctx;
  const headers = ctx.answerHeaders.takeList();
  headers.push(
    'x-request-id',
    ctx.requestId,
    'x-gateway-provider',
    ctx.answeredBy?.target.provider.name ?? '',
    'x-gateway-attempts',
    String(attempts.length),
  );
  if (attempts.length > 1) headers.push(...Object.entries(failedProviders(ctx)).flat());
  return headers;
}

function writePlain(ctx: RequestContext, json: PlainAnswer, raw: ServerResponse): void {
  ctx.end = 'completed';
  const headers = answerHeaders(ctx);
  const bytes = Buffer.byteLength(json);
  headers.push('content-type', 'application/json; charset=utf-8', 'content-length', String(bytes));
  raw.writeHead(200, headers);
  if (typeof json !== 'string') {
    raw.end(json);
    return;
  }
  // Node joins text to the headers, bytes it does not. It then waits for the end with what it has, and writes an empty
  // piece beside it, unless that has left before.
  raw.write(json, bytes === json.length ? 'latin1' : 'utf8');
  raw.socket?.uncork();
  raw.end();
}

function toInternal(error: unknown, logger: Logger): GatewayError {
  logger.error(error);
  return new GatewayError('internal_error', { cause: error });
}
