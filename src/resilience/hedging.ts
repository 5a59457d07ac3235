import { hedgeEnded, type HedgeOutcome } from '../kernel/channels.js';
import { type Clock } from '../kernel/clock.js';
import { type HedgingSettings, type Target } from '../kernel/snapshot.js';
import { AttemptSlot } from './attempt-slot.js';
import { HedgePolicy } from './hedge-policy.js';
import { type HedgeRun, HedgeRace } from './hedge-race.js';
import { type LoadShedding } from './load-shedding.js';
import { type FailedAttempt } from './next-attempt.js';
import { type AttemptMaterial, RunningAttempt } from './running-attempt.js';
import { type TargetStates } from './target-states.js';

/** Starts a second attempt where the first content is late and that can be afforded. Used only where it is enabled. */
export class Hedging {
  readonly #policies = new Map<string, { readonly settings: HedgingSettings; readonly policy: HedgePolicy }>();

  constructor(
    private readonly states: TargetStates,
    private readonly load: LoadShedding,
    private readonly clock: Clock,
  ) {}

  /**
   * Waits for the first content of a first attempt, or of a second one at another target of its tier.
   * @param candidates where the second attempt may go, in order of preference
   * @returns the attempt that has content, the other one let go of; or every attempt that failed
   */
  async race(
    primary: RunningAttempt,
    candidates: readonly Target[],
    material: AttemptMaterial,
  ): Promise<RunningAttempt | readonly FailedAttempt[]> {
    const policy = this.#policyOf(material);
    policy.requestStarted();
    const race = new HedgeRace(material.ctx, primary);
    const delayMs = policy.delayMs(primary.state.latency);
    if (delayMs === undefined) return (await race.end()).result;
    const timer = this.clock.after(delayMs, () => {
      const hedge = this.#start(policy, primary.record.target, candidates, material);
      if (hedge === 'denied') hedgeEnded.publish({ outcome: 'denied' });
      else if (hedge) race.enter(hedge);
    });
    const run = await race.end();
    timer.cancel();
    if (run.hedge) hedgeEnded.publish({ outcome: outcomeOf(run) });
    return run.result;
  }

  /** @returns undefined where it would not help: no equal that has room, or nobody waits any more */
  #start(
    policy: HedgePolicy,
    primary: Target,
    candidates: readonly Target[],
    material: AttemptMaterial,
  ): RunningAttempt | 'denied' | undefined {
    const { ctx, request } = material;
    if (ctx.closed || ctx.deadline - this.clock.now() < ctx.snapshot.resilience.minAttemptMs) return undefined;
    const target = candidates.find((other) => other.tier === primary.tier && other.id !== primary.id);
    if (!target) return undefined;
    const state = this.states.of(target);
    const { breaker, limiter, retryBudget } = state;
    const affordable = policy.tryStart({
      choices: request.choices,
      level: this.load.level,
      hosting: target.provider.hosting,
      breakerClosed: breaker.state === 'closed' && !state.coolDown.isCooling() && state.queue.length === 0,
      inFlight: limiter.inFlight,
      limit: limiter.limit,
      retryBudget,
    });
    if (!affordable) return 'denied';
    const slot = AttemptSlot.take(state, target.provider.timeouts.totalMs, false);
    return slot instanceof AttemptSlot ? new RunningAttempt(material, slot, target, 'hedge') : undefined;
  }

  #policyOf({ ctx, request }: AttemptMaterial): HedgePolicy {
    const settings = ctx.snapshot.resilience.hedging;
    const known = this.#policies.get(request.model);
    if (known?.settings === settings) return known.policy;
    const policy = new HedgePolicy(this.clock, settings);
    this.#policies.set(request.model, { settings, policy });
    return policy;
  }
}

function outcomeOf({ result, hedge }: HedgeRun): HedgeOutcome {
  if (result === hedge) return 'won';
  return hedge?.failed === true ? 'failed' : 'lost';
}
