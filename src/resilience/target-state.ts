import { type Clock } from '../kernel/clock.js';
import { type ResilienceSettings, type Target } from '../kernel/snapshot.js';
import { AdmissionQueue } from './admission-queue.js';
import { Breaker, type BreakerTransition } from './breaker.js';
import { CoolDown } from './cool-down.js';
import { createLimiter } from './create-limiter.js';
import { LatencyTracker } from './latency-tracker.js';
import { type Limiter } from './limiter.js';
import { RetryBudget } from './retry-budget.js';

/** What a process knows of one target. It outlives the snapshots that name the target. */
export class TargetState {
  readonly breaker: Breaker;
  readonly coolDown: CoolDown;
  readonly limiter: Limiter;
  readonly retryBudget: RetryBudget;
  readonly latency: LatencyTracker;
  readonly queue: AdmissionQueue;

  constructor(
    clock: Clock,
    /** The target as the newest snapshot has it. */
    public target: Target,
    settings: ResilienceSettings,
    onTransition: (target: Target, transition: BreakerTransition) => void,
  ) {
    this.breaker = new Breaker(clock, settings.breaker, (transition) => {
      onTransition(this.target, transition);
    });
    this.coolDown = new CoolDown(clock);
    this.limiter = createLimiter(clock, target.provider.concurrency, target.provider.hosting);
    this.retryBudget = new RetryBudget(clock, settings.retryBudgetRatio);
    this.latency = new LatencyTracker(clock);
    const { latency } = this;
    const estimates = {
      meanServiceMs: () => latency.meanServiceMs(),
      medianTtftMs: () => latency.ttftQuantile(0.5),
    };
    this.queue = new AdmissionQueue(clock, this.limiter, estimates, settings.queue);
  }

  /** Takes a reload's settings over; counts and state stay. */
  configure(target: Target, settings: ResilienceSettings): void {
    this.target = target;
    this.breaker.configure(settings.breaker);
    this.limiter.algorithm.configure(target.provider.concurrency);
    this.retryBudget.setRatio(settings.retryBudgetRatio);
    this.queue.configure(settings.queue);
    // A reload may have raised the limit.
    this.queue.dispatch();
  }

  /** Its breaker waits for a request that finds out whether it has recovered. */
  get probeDue(): boolean {
    return this.breaker.peek() === 'probe' && !this.coolDown.isCooling();
  }

  /** Share of its weight that it may get now: 0 while it must not be used. */
  get weightFactor(): number {
    return this.coolDown.isCooling() ? 0 : this.breaker.weightFactor();
  }
}
