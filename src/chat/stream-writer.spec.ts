import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.js';
import { RawConnection } from '../../test/support/raw-connection.js';
import { aRequestContext } from '../../test/support/request-context.js';
import { type RequestContext } from '../kernel/request-context.js';
import { type Answer, type BatchReader, type EventBatch, UpstreamFailure } from '../kernel/upstream.js';
import { StreamWriter } from './stream-writer.js';

const STALL_MS = 30_000;
const batchOf = (...payloads: string[]): EventBatch => ({ payloads, json: undefined });
/** More than a socket of the loopback takes at once. */
const LARGE = batchOf('x'.repeat(16 * 1024 * 1024));

/** An answer that gives what the test says, when it says so. */
class HandFed implements Answer {
  readonly first = batchOf('first');
  reads = 0;
  reader: BatchReader | undefined;

  read(reader: BatchReader): void {
    this.reads++;
    this.reader = reader;
  }
}

describe('a stream on its way to the caller', () => {
  let server: Server;
  let caller: RawConnection;
  let raw: ServerResponse;
  let ctx: RequestContext;
  let clock: ManualClock;
  let answer: HandFed;

  beforeEach(async () => {
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const asked = once(server, 'request') as Promise<[unknown, ServerResponse]>;
    caller = await RawConnection.open(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    caller.send('GET / HTTP/1.1\r\nhost: h\r\n\r\n');
    [, raw] = await asked;
    clock = new ManualClock();
    ctx = aRequestContext({ body: { stream: true } });
    Object.assign(ctx.snapshot, { limits: { writeStallMs: STALL_MS } });
    raw.on('close', () => ctx.close());
    answer = new HandFed();
  });
  afterEach(() => {
    caller.socket.destroy();
    server.close();
  });

  const begin = (): void => {
    new StreamWriter(ctx, answer, raw, clock).batch(answer.first);
  };
  async function written(): Promise<string> {
    return (await caller.answer()).body.toString();
  }

  it('leaves batch by batch, each asked for when the one before was taken, and ends with [DONE]', async () => {
    begin();
    answer.reader!.batch(batchOf('second', 'third'));
    expect(answer.reads).toBe(2);
    answer.reader!.end(undefined);
    expect(await written()).toBe('data: first\n\ndata: second\n\ndata: third\n\ndata: [DONE]\n\n');
    expect(ctx.end).toBe('completed');
  });

  it('ends a broken one with the error that callers know, and without [DONE]', async () => {
    begin();
    answer.reader!.end(new UpstreamFailure('fault', 'idle_timeout', 'elsewhere'));
    const body = await written();
    expect(body).toContain('"code":"upstream_timeout"');
    expect(body).not.toContain('[DONE]');
    expect(ctx).toMatchObject({ end: 'broken', code: 'upstream_timeout' });
  });

  it('ends once: with an internal error where a layer before it fails', async () => {
    const defect = new Error('a defect of ours');
    answer.read = () => {
      throw defect;
    };
    const writer = new StreamWriter(ctx, answer, raw, clock);
    writer.batch(answer.first);
    writer.end(undefined);
    const body = await written();
    expect(body.match(/internal_error/g)).toHaveLength(1);
    expect(body).not.toContain('a defect of ours');
    expect(body).not.toContain('[DONE]');
  });

  it('waits for a caller that is slow, and asks for the next batch once', async () => {
    begin();
    caller.socket.pause();
    answer.reader!.batch(LARGE);
    expect(answer.reads).toBe(1);
    expect(clock.pending).toBe(1);
    caller.socket.resume();
    await once(raw.socket!, 'drain');
    await new Promise(setImmediate);
    expect(answer.reads).toBe(2);
    expect(clock.pending).toBe(0);
  });

  it('lets go of a caller that takes nothing for too long', async () => {
    begin();
    caller.socket.pause();
    answer.reader!.batch(LARGE);
    const gone = once(raw, 'close');
    await clock.advance(STALL_MS);
    await gone;
    expect(answer.reads).toBe(1);
    expect(clock.pending).toBe(0);
    expect(ctx.end).toBe('cancelled');
  });

  it('asks for nothing more once the caller has left', async () => {
    begin();
    const gone = once(raw, 'close');
    caller.socket.destroy();
    await gone;
    answer.reader!.batch(batchOf('late'));
    answer.reader!.end(new UpstreamFailure('fault', 'reset', 'same'));
    expect(answer.reads).toBe(1);
    expect(ctx).toMatchObject({ end: 'cancelled', code: undefined });
  });

  it('reads on for nobody where the upstream is to be read to its end', async () => {
    ctx.lingerBy(() => undefined);
    begin();
    ctx.close();
    answer.reader!.batch(batchOf('for nobody'));
    answer.reader!.batch(batchOf('nor this'));
    await new Promise(setImmediate);
    expect(answer.reads).toBe(3);
    answer.reader!.end(new UpstreamFailure('fault', 'reset', 'same'));
  });
});
