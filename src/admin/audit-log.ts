import { Inject, Injectable, Logger } from '@nestjs/common';
import { type Clock } from '../kernel/clock.js';
import { CLOCK } from '../kernel/tokens.js';

const REMEMBERED = 200;

/** One change that an operator made. */
export interface AuditEntry {
  /** Wall clock, ms since the epoch. */
  readonly at: number;
  readonly who: string;
  readonly what: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Who changed what: one log line each, and the last 200 to read. */
@Injectable()
export class AuditLog {
  readonly #logger = new Logger('Audit');
  #entries: AuditEntry[] = [];

  constructor(@Inject(CLOCK) private readonly clock: Clock) {}

  /** Newest first. */
  get entries(): readonly AuditEntry[] {
    return this.#entries;
  }

  /** Remembers what another process of the same gateway does, in place of its own. */
  takeOver(entries: readonly AuditEntry[]): void {
    this.#entries = [...entries];
  }

  /** @param details no secrets: they are logged */
  record(who: string, what: string, details: Readonly<Record<string, unknown>> = {}): void {
    this.#entries.unshift({ at: this.clock.wall(), who, what, details });
    this.#entries.length = Math.min(this.#entries.length, REMEMBERED);
    this.#logger.log({ msg: 'audit', who, what, details });
  }
}
