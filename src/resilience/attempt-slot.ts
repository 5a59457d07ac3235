import { type UpstreamFailure } from '../kernel/upstream.js';
import { type BreakerPermit, REFUSED } from './breaker.js';
import { type LimiterOutcome } from './limiter.js';
import { type TargetState } from './target-state.js';

/** Why a target cannot be tried now. */
export type Unavailable = 'cooling' | 'open' | 'full';

/** The right to one attempt at one target: a permit of its breaker and a place in its limit. Given back once. */
export class AttemptSlot {
  #released = false;

  private constructor(
    readonly state: TargetState,
    private readonly permit: BreakerPermit,
  ) {}

  /**
   * @param again a retry after the pause that the target itself asked for: its cool-down is over by definition
   * @param forced a probe ahead of time, because every other way is shut
   */
  static take(state: TargetState, probeTimeoutMs: number, again: boolean, forced = false): AttemptSlot | Unavailable {
    const { breaker, coolDown, limiter, queue } = state;
    if (!again && coolDown.isCooling()) return 'cooling';
    if (coolDown.takeEnd()) limiter.coolDownEnded();
    // A shut target is shut, however full: nobody waits for it.
    if (!forced && breaker.peek() === 'refuse') return 'open';
    if (!queue.tryPass()) return 'full';
    const permit = forced ? breaker.forceProbe(probeTimeoutMs) : breaker.tryAcquire(probeTimeoutMs);
    if (permit !== REFUSED) return new AttemptSlot(state, permit);
    giveBack(state, 'done');
    return 'open';
  }

  /** For whom the target's queue has taken a place in its limit: the place is given back where the target has shut since. */
  static admitted(state: TargetState, probeTimeoutMs: number, again: boolean): AttemptSlot | Unavailable {
    const { breaker, coolDown } = state;
    const cooling = !again && coolDown.isCooling();
    const permit = cooling ? REFUSED : breaker.tryAcquire(probeTimeoutMs);
    if (permit !== REFUSED) return new AttemptSlot(state, permit);
    giveBack(state, 'done');
    return cooling ? 'cooling' : 'open';
  }

  /** First content came after `ttftMs` at the upstream. */
  firstToken(ttftMs: number, promptTokens: number): void {
    this.state.limiter.firstToken(ttftMs, promptTokens);
    this.state.latency.recordTtft(ttftMs);
    // The sample may have raised the limit.
    this.state.queue.dispatch();
  }

  /** The attempt is over: a stream when it has ended. `failure` undefined = a complete answer. Later calls do nothing. */
  release(failure: UpstreamFailure | undefined, ttftMs: number | undefined, heldMs: number): void {
    if (this.#released) return;
    this.#released = true;
    const { breaker, coolDown, latency } = this.state;
    if (failure?.reason === 'insufficient_quota') breaker.recordInsufficientQuota(this.permit);
    else breaker.record(this.permit, failure?.outcome ?? 'success', ttftMs);
    if (!failure) {
      coolDown.succeeded();
      latency.recordService(heldMs);
    } else if (failure.outcome === 'throttle') coolDown.throttled(failure.details.headers ?? {});
    giveBack(
      this.state,
      failure?.outcome === 'throttle' || failure?.reason === 'first_token_timeout' ? 'overload' : 'done',
    );
  }
}

function giveBack({ limiter, queue }: TargetState, outcome: LimiterOutcome): void {
  limiter.release(outcome);
  queue.dispatch();
}
