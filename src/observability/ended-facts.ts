import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { type AttemptFact, attemptEnded, requestEnded } from '../kernel/channels.js';
import { type Clock } from '../kernel/clock.js';
import { type RequestContext } from '../kernel/request-context.js';
import { CLOCK } from '../kernel/tokens.js';

/** So many facts are told at once, and none waits longer than this, ms. */
const BATCH = 32;
const WAIT_MS = 5;

type Listener<Fact> = (fact: Fact) => void;

/**
 * What ended, told in batches to those who only count it: one listener after the other, each for all facts. Told one
 * by one, each of these pieces of code would be fetched into the processor's caches anew for every request, which
 * costs several times what the code itself does. Whoever shows what it counted calls `flush` first.
 */
@Injectable()
export class EndedFacts implements OnModuleDestroy {
  readonly #attemptListeners: Listener<AttemptFact>[] = [];
  readonly #requestListeners: Listener<RequestContext>[] = [];
  #attempts: AttemptFact[] = [];
  #requests: RequestContext[] = [];
  #waiting = false;
  readonly #unsubscribe = [
    attemptEnded.subscribe((fact) => {
      this.#attempts.push(fact);
      this.#arrived(this.#attempts.length);
    }),
    requestEnded.subscribe((ctx) => {
      this.#requests.push(ctx);
      this.#arrived(this.#requests.length);
    }),
  ];

  constructor(@Inject(CLOCK) private readonly clock: Clock) {}

  onAttempt(listener: Listener<AttemptFact>): void {
    this.#attemptListeners.push(listener);
  }

  /** A request is told after its attempts. */
  onRequest(listener: Listener<RequestContext>): void {
    this.#requestListeners.push(listener);
  }

  /** Tells all that waits. */
  flush(): void {
    const attempts = this.#attempts;
    const requests = this.#requests;
    if (attempts.length === 0 && requests.length === 0) return;
    this.#attempts = [];
    this.#requests = [];
    for (const listener of this.#attemptListeners) tellAll(attempts, listener);
    for (const listener of this.#requestListeners) tellAll(requests, listener);
  }

  onModuleDestroy(): void {
    this.flush();
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  #arrived(waiting: number): void {
    if (waiting >= BATCH) this.flush();
    else if (!this.#waiting) {
      this.#waiting = true;
      this.clock.after(WAIT_MS, () => {
        this.#waiting = false;
        this.flush();
      });
    }
  }
}

/** A listener that fails is a failure of the process, not of those that come after it. */
function tellAll<Fact>(facts: readonly Fact[], listener: Listener<Fact>): void {
  for (const fact of facts) {
    try {
      listener(fact);
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
    }
  }
}
