import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { requestEnded } from '../kernel/channels.js';
import { type Clock } from '../kernel/clock.js';
import { type RequestContext } from '../kernel/request-context.js';
import { CLOCK } from '../kernel/tokens.js';
import { type FlightRecord, recordOf } from './flight-record.js';

/** How many ended requests are remembered. */
const CAPACITY = 1000;

/** What `recent` is narrowed by; an absent member lets everything through. */
export interface FlightFilter {
  readonly model?: string;
  readonly code?: string;
  readonly provider?: string;
  /** At most this many; newest first. */
  readonly limit?: number;
}

/** Remembers the last 1,000 chat requests, without any of their text: what happened to one that somebody asks about. */
@Injectable()
export class FlightRecorder implements OnModuleDestroy {
  readonly #ring: FlightRecord[] = [];
  #next = 0;
  // Not at onModuleInit: Nest calls that again for the operations listener, which shares this object.
  readonly #unsubscribe = requestEnded.subscribe((ctx) => {
    this.add(ctx);
  });

  constructor(@Inject(CLOCK) private readonly clock: Clock) {}

  onModuleDestroy(): void {
    this.#unsubscribe();
  }

  /** Takes an ended request in, in place of the oldest where the ring is full. */
  add(ctx: RequestContext): void {
    this.#ring[this.#next] = recordOf(ctx, this.clock);
    this.#next = (this.#next + 1) % CAPACITY;
  }

  /** The newest request of that id, be it the caller's (X-Request-ID) or the gateway's own. */
  find(requestId: string): FlightRecord | undefined {
    for (const record of this.#newestFirst()) {
      if (record.requestId === requestId || record.gatewayId === requestId) return record;
    }
    return undefined;
  }

  /** Newest first. */
  recent(filter: FlightFilter = {}): FlightRecord[] {
    const found: FlightRecord[] = [];
    const limit = filter.limit ?? CAPACITY;
    for (const record of this.#newestFirst()) {
      if (found.length >= limit) break;
      if (matches(record, filter)) found.push(record);
    }
    return found;
  }

  *#newestFirst(): Generator<FlightRecord> {
    const count = this.#ring.length;
    for (let back = 1; back <= count; back++) {
      const record = this.#ring[(this.#next - back + CAPACITY) % CAPACITY];
      if (record) yield record;
    }
  }
}

function matches(record: FlightRecord, { model, code, provider }: FlightFilter): boolean {
  return (
    (model === undefined || record.model === model) &&
    (code === undefined || record.code === code) &&
    (provider === undefined || record.attempts.some((attempt) => attempt.provider === provider))
  );
}
