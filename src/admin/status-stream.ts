import { type ServerResponse } from 'node:http';
import { type Clock, type Timer } from '../kernel/clock.js';

const EVERY_MS = 1_000;

/** One reader of the status: an event at once, then one every second. A reader that does not read is skipped. */
export class StatusStream {
  #timer: Timer | undefined;
  #ended = false;

  constructor(
    private readonly clock: Pick<Clock, 'after'>,
    private readonly response: ServerResponse,
    private readonly status: () => string,
  ) {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    this.#tick();
  }

  /** Tells the reader that it is over, and stops. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#timer?.cancel();
    this.response.end();
  }

  #tick(): void {
    if (this.#ended) return;
    if (!this.response.writableNeedDrain) this.response.write(`event: status\ndata: ${this.status()}\n\n`);
    this.#timer = this.clock.after(EVERY_MS, () => this.#tick());
  }
}
