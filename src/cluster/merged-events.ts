import { type ServerResponse } from 'node:http';
import { type Clock } from '../kernel/clock.js';
import { failure } from './own-answers.js';
import { type Answered, send } from './worker-relay.js';

const EVERY_MS = 1_000;
const MAX_STREAMS = 20;

/** Streams of the state of all workers, an event every second. A reader that does not read is skipped. */
export class MergedEvents {
  #open = 0;

  constructor(private readonly clock: Pick<Clock, 'after'>) {}

  /** @param status asks under the reader's key: the stream ends when that key is refused, or nobody answers */
  async stream(reply: ServerResponse, status: () => Promise<Answered>): Promise<void> {
    if (this.#open >= MAX_STREAMS) {
      send(reply, failure(503, 'overloaded', 'Too many streams are open.'));
      return;
    }
    this.#open++;
    try {
      const first = await status();
      if (first.status === 200) await this.#tell(reply, first, status);
      else send(reply, first);
    } finally {
      this.#open--;
    }
  }

  async #tell(reply: ServerResponse, first: Answered, status: () => Promise<Answered>): Promise<void> {
    reply.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    for (let answer = first; answer.status === 200 && !reply.destroyed; answer = await status()) {
      if (!reply.writableNeedDrain) reply.write(`event: status\ndata: ${answer.body.toString()}\n\n`);
      await new Promise<void>((resolve) => void this.clock.after(EVERY_MS, resolve));
    }
    reply.end();
  }
}
