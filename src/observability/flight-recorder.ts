import { Injectable } from '@nestjs/common';
import { type RequestContext } from '../kernel/request-context.js';
import { EndedFacts } from './ended-facts.js';
import { type FlightRecord } from './flight-record.js';
import { FlightRing } from './flight-ring.js';

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
export class FlightRecorder {
  readonly #ring = new FlightRing(CAPACITY);

  constructor(private readonly facts: EndedFacts) {
    facts.onRequest((ctx) => {
      this.add(ctx);
    });
  }

  /** Takes an ended request in, in place of the oldest where the ring is full. */
  add(ctx: RequestContext): void {
    this.#ring.put(ctx);
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
    this.facts.flush();
    for (let back = 0; back < this.#ring.size; back++) {
      const record = this.#ring.get(back);
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
