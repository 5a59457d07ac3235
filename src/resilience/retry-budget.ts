import { type Clock } from '../kernel/clock.js';
import { RatioBudget } from './ratio-budget.js';

const INITIAL = 10;
const CAP = 50;
const REFILL_PER_SECOND = 1;

/**
 * Retry budget of one target: +`ratio` per first attempt, -1 per retry, floor refill 1/s, cap 50.
 * Charged: retries on the same target, every attempt from the third on, hedges; not the first failover.
 */
export class RetryBudget extends RatioBudget {
  constructor(clock: Clock, ratio: number) {
    super(clock, { ratio, initial: INITIAL, cap: CAP, refillPerSecond: REFILL_PER_SECOND });
  }
}
