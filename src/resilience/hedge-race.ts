import { type RequestContext } from '../kernel/request-context.js';
import { UpstreamFailure } from '../kernel/upstream.js';
import { type FailedAttempt } from './next-attempt.js';
import { type RunningAttempt } from './running-attempt.js';

/** How a race ended. */
export interface HedgeRun {
  /** The attempt that has content, or every attempt that failed, in the order of failing. */
  readonly result: RunningAttempt | readonly FailedAttempt[];
  /** The second attempt, if it was started. */
  readonly hedge: RunningAttempt | undefined;
}

/** At most two attempts for one answer: the first that has content wins, the other one is let go of at once. */
export class HedgeRace {
  readonly #failed: FailedAttempt[] = [];
  readonly #end: Promise<HedgeRun>;
  #resolve: (run: HedgeRun) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;
  #over = false;
  #hedge: RunningAttempt | undefined;

  constructor(
    private readonly ctx: RequestContext,
    private readonly primary: RunningAttempt,
  ) {
    this.#end = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#follow(primary);
  }

  /** @throws whatever an attempt throws that is no UpstreamFailure */
  end(): Promise<HedgeRun> {
    return this.#end;
  }

  /** The second attempt; one that comes when the race is over must not be made. */
  enter(hedge: RunningAttempt): void {
    this.#hedge = hedge;
    // Whoever ends the request from outside ends both.
    this.ctx.abortBy((failure) => {
      this.primary.cancel(failure);
      hedge.cancel(failure);
    });
    this.#follow(hedge);
  }

  #follow(attempt: RunningAttempt): void {
    attempt.begin().then(
      () => {
        this.#won(attempt);
      },
      (error: unknown) => {
        this.#lost(attempt, error);
      },
    );
  }

  #won(winner: RunningAttempt): void {
    if (this.#over) return;
    this.#over = true;
    const loser = winner === this.primary ? this.#hedge : this.primary;
    loser?.outrun();
    this.ctx.abortBy((failure) => {
      winner.cancel(failure);
    });
    this.#resolve({ result: winner, hedge: this.#hedge });
  }

  #lost({ record }: RunningAttempt, error: unknown): void {
    if (this.#over) return;
    if (error instanceof UpstreamFailure) {
      this.#failed.push({ target: record.target, failure: error });
      if (this.#failed.length < (this.#hedge ? 2 : 1)) return;
      this.#over = true;
      this.#resolve({ result: this.#failed, hedge: this.#hedge });
      return;
    }
    this.#over = true;
    (record === this.primary.record ? this.#hedge : this.primary)?.outrun();
    this.#reject(error);
  }
}
