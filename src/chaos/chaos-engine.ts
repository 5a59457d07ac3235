import { type Clock } from '../kernel/clock.js';
import {
  type Experiment,
  isProcessFault,
  isProviderFault,
  isStoreFault,
  type ProcessFault,
  type ProviderFault,
  type StoreFault,
} from '../config/chaos-experiment.js';
import { VictimDraw } from './victim-draw.js';

/** The attempt that may be hit. */
export interface ChaosSubject {
  readonly provider: string;
  /** The alias that the caller named. */
  readonly model: string;
  readonly keyId: string;
  /** What `verifyChaosToken` made of the request's `X-Chaos` header. */
  readonly tokenExperiment: string | undefined;
}

/** What is to be done to one attempt, as data. */
export interface FaultPlan {
  /** Experiments that hit: for the `x-gateway-chaos` header, the log and the metrics. */
  readonly experiments: readonly string[];
  /** Waiting before the upstream is called, ms: all that hit add up. */
  readonly latencyMs: number;
  /** The first other fault that hit. */
  readonly fault: ProviderFault | undefined;
}

interface Active {
  readonly experiment: Experiment;
  readonly expiresAt: number;
  readonly draw: VictimDraw;
}

/** The experiments that run, and whom they hit. They live in memory only: a restart ends them all. */
export class ChaosEngine {
  readonly #active = new Map<string, Active>();

  constructor(private readonly clock: Clock) {}

  /** Starts an experiment, in place of one with the same id. */
  start(experiment: Experiment): void {
    const expiresAt = this.clock.now() + experiment.ttlMs;
    this.#active.set(experiment.id, { experiment, expiresAt, draw: new VictimDraw(experiment.seed) });
  }

  /** False = there was none. */
  stop(id: string): boolean {
    this.#prune();
    return this.#active.delete(id);
  }

  /** The kill switch; also for each reload. Returns how many ended. */
  stopAll(): number {
    this.#prune();
    const count = this.#active.size;
    this.#active.clear();
    return count;
  }

  /** The gauge `gateway_chaos_active`. */
  get activeCount(): number {
    this.#prune();
    return this.#active.size;
  }

  active(): { readonly experiment: Experiment; readonly remainingMs: number }[] {
    this.#prune();
    const now = this.clock.now();
    return [...this.#active.values()].map(({ experiment, expiresAt }) => ({
      experiment,
      remainingMs: expiresAt - now,
    }));
  }

  /** What to do to this attempt; undefined = nothing, and without cost where no experiment runs. */
  planAttempt(subject: ChaosSubject): FaultPlan | undefined {
    if (this.#active.size === 0) return undefined;
    this.#prune();
    const experiments: string[] = [];
    let latencyMs = 0;
    let first: ProviderFault | undefined;
    for (const { experiment, draw } of this.#active.values()) {
      const { id, fault, percentage } = experiment;
      if (!isProviderFault(fault) || !matches(experiment, subject) || !draw.hits(percentage)) continue;
      experiments.push(id);
      if (fault.type !== 'latency') first ??= fault;
      else latencyMs += Math.max(0, fault.ms + (fault.deviationMs > 0 ? fault.deviationMs * draw.normal() : 0));
    }
    return experiments.length === 0 ? undefined : { experiments, latencyMs, fault: first };
  }

  /** The fault that hits this command to the quota store, if any. Store commands match by percentage alone. */
  drawStoreFault(): StoreFault | undefined {
    if (this.#active.size === 0) return undefined;
    this.#prune();
    for (const { experiment, draw } of this.#active.values()) {
      if (isStoreFault(experiment.fault) && draw.hits(experiment.percentage)) return experiment.fault;
    }
    return undefined;
  }

  /** Faults of the process that are due now: whoever injects them asks again. */
  processFaults(): ProcessFault[] {
    this.#prune();
    return [...this.#active.values()].map(({ experiment }) => experiment.fault).filter(isProcessFault);
  }

  #prune(): void {
    const now = this.clock.now();
    for (const [id, { expiresAt }] of this.#active) if (now >= expiresAt) this.#active.delete(id);
  }
}

function matches({ id, scope }: Experiment, subject: ChaosSubject): boolean {
  return (
    (scope.provider === undefined || scope.provider === subject.provider) &&
    (scope.model === undefined || scope.model === subject.model) &&
    (scope.keyId === undefined || scope.keyId === subject.keyId) &&
    (!scope.token || subject.tokenExperiment === id)
  );
}
