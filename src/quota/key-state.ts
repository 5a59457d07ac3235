import { Gcra } from './gcra.js';
import { LeaseQueue } from './lease-queue.js';
import { type QuotaPlan } from './quota-plan.js';
import { type RateLevels } from './quota-store.js';
import { TokenBucket } from './token-bucket.js';

/** The rates and slots of one key in this process. */
export class KeyState {
  /** Requests in flight, where their number is limited. */
  readonly slots = new LeaseQueue<unknown>();
  readonly #requests = new Gcra();
  #bucket: TokenBucket | undefined;

  /** Requests whose lease still runs. */
  concurrent(nowUs: number): number {
    while (this.slots.takeEnded(nowUs));
    return this.slots.size;
  }

  requestWaitUs(plan: QuotaPlan, nowUs: number): number {
    return plan.periodUs === 0 ? 0 : this.#requests.waitUs(nowUs, plan.periodUs, plan.burst);
  }

  tokenWaitUs(plan: QuotaPlan, nowUs: number, tokens: number): number {
    return plan.tokensPerMinute === 0 ? 0 : this.#tokens(plan, nowUs).waitUs(tokens);
  }

  /** Counts one request and its tokens: only after both waits were 0. */
  take(plan: QuotaPlan, nowUs: number, tokens: number): void {
    if (plan.periodUs > 0) this.#requests.take(nowUs, plan.periodUs, plan.burst);
    if (plan.tokensPerMinute > 0) this.#tokens(plan, nowUs).take(tokens);
  }

  /** Gives tokens back that were reserved and not used; takes more where negative. */
  refund(plan: QuotaPlan, nowUs: number, tokens: number): void {
    if (plan.tokensPerMinute > 0 && tokens !== 0) this.#tokens(plan, nowUs).take(-tokens);
  }

  levels(plan: QuotaPlan, nowUs: number): RateLevels {
    const bucket = plan.tokensPerMinute === 0 ? undefined : this.#tokens(plan, nowUs);
    return {
      requests:
        plan.periodUs === 0
          ? undefined
          : {
              limit: plan.requestsPerMinute,
              remaining: this.#requests.remaining(nowUs, plan.periodUs, plan.burst),
              resetUs: this.#requests.resetUs(nowUs),
            },
      tokens: bucket && { limit: plan.tokensPerMinute, remaining: bucket.remaining, resetUs: bucket.resetUs },
    };
  }

  /** Equal to a new one: may be forgotten. */
  idle(nowUs: number): boolean {
    if (this.concurrent(nowUs) > 0 || this.#requests.resetUs(nowUs) > 0) return false;
    return this.#bucket?.isFull(nowUs) ?? true;
  }

  #tokens(plan: QuotaPlan, nowUs: number): TokenBucket {
    this.#bucket ??= new TokenBucket(plan.tokensPerMinute, nowUs);
    this.#bucket.advance(nowUs, plan.tokensPerMinute);
    return this.#bucket;
  }
}
