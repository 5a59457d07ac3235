import { Inject, Injectable } from '@nestjs/common';
import { type FastifyReply } from 'fastify';
import { type ServerResponse } from 'node:http';
import { type Clock } from '../kernel/clock.js';
import { type RequestContext } from '../kernel/request-context.js';
import { type PlainAnswer } from '../kernel/plain-answer.js';
import { CLOCK } from '../kernel/tokens.js';
import { type Answer } from '../kernel/upstream.js';
import { TurnBatch } from '../kernel/turn-batch.js';
import { failedProviders } from '../resilience/caller-error.js';
import { DrainState } from '../resilience/drain-state.js';
import { readOn, StreamWriter } from './stream-writer.js';

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
  readonly #writes: TurnBatch;

  constructor(
    private readonly drain: DrainState,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.#writes = new TurnBatch(clock);
  }

  /**
   * Takes the reply over from Fastify: the status is true, for the first content is in hand. A plain answer leaves in this
   * turn, a stream as it comes.
   */
  write(ctx: RequestContext, answer: Answer, reply: FastifyReply): void {
    reply.hijack();
    const { raw } = reply;
    // Node then says `Connection: close`: whoever waits for the connection to be free must not send another request.
    if (this.drain.closesConnections) raw.shouldKeepAlive = false;
    if (ctx.closed || raw.destroyed) {
      readOn(ctx, answer);
      return;
    }
    ctx.status = 200;
    ctx.firstContentAt = this.clock.now();
    const { json } = answer.first;
    if (json) {
      this.#writes.add(() => {
        if (!ctx.closed) writePlain(ctx, json, raw);
      });
      return;
    }
    raw.writeHead(200, answerHeaders(ctx).concat(STREAM_HEADERS));
    new StreamWriter(ctx, answer, raw, this.clock).batch(answer.first);
  }
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
