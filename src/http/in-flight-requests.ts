import { Injectable } from '@nestjs/common';
import { type RequestContext } from '../kernel/request-context.js';
import { SlotList } from '../kernel/slot-list.js';
import { UpstreamFailure } from '../kernel/upstream.js';

/** The chat requests that have begun and not ended. */
@Injectable()
export class InFlightRequests {
  readonly #requests = new SlotList<RequestContext>();
  #whenIdle: (() => void)[] = [];

  get count(): number {
    return this.#requests.size;
  }

  add(ctx: RequestContext): void {
    const place = this.#requests.add(ctx);
    ctx.onClose(() => {
      this.#requests.remove(place);
      if (this.#requests.size === 0) this.#notify();
    });
  }

  /** Those that run now. */
  items(): RequestContext[] {
    return this.#requests.items();
  }

  /** Resolves when no request is left. */
  idle(): Promise<void> {
    if (this.#requests.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  /** Ends every request that is left: streams with an error event, the others with an error. */
  abortAll(): void {
    for (const ctx of this.#requests.items()) ctx.abort(new UpstreamFailure('ignored', 'shutting_down', 'never'));
  }

  #notify(): void {
    const waiting = this.#whenIdle;
    this.#whenIdle = [];
    for (const resolve of waiting) resolve();
  }
}
