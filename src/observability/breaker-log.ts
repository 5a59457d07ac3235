import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { type BreakerFact, breakerTransitions } from '../kernel/channels.js';

/** One log line for each change of a breaker, none for the requests that it turns away. */
@Injectable()
export class BreakerLog implements OnModuleInit, OnModuleDestroy {
  readonly #logger = new Logger('Breaker');
  #unsubscribe: (() => void) | undefined;

  onModuleInit(): void {
    this.#unsubscribe = breakerTransitions.subscribe((fact) => {
      this.#write(fact);
    });
  }

  onModuleDestroy(): void {
    this.#unsubscribe?.();
  }

  #write({ target, from, to, reason, openMs }: BreakerFact): void {
    const line = { msg: 'breaker', target: target.id, from, to, reason, openMs: Math.round(openMs) };
    if (to === 'open') this.#logger.warn(line);
    else this.#logger.log(line);
  }
}
