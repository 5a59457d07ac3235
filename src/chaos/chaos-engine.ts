import {
  type Experiment,
  isProcessFault,
  isProviderFault,
  isStoreFault,
  type ProcessFault,
  type ProviderFault,
  type StoreFault,
} from '../config/chaos-experiment.js';
import { type Clock } from '../kernel/clock.js';
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
  /** Experiments that hit, as `experimentLabel` names them. */
  readonly experiments: readonly string[];
  /** Waiting before the upstream is called, ms: all that hit add up. */
  readonly latencyMs: number;
  /** The first other fault that hit. */
  readonly fault: ProviderFault | undefined;
}

/** An experiment in force. */
export interface ActiveExperiment {
  readonly experiment: Experiment;
  readonly remainingMs: number;
  /** Attempts or store commands that it hit so far. */
  readonly hits: number;
}

interface Active {
  readonly experiment: Experiment;
  readonly expiresAt: number;
  readonly draw: VictimDraw;
  hits: number;
}

/** Name and fault of an experiment, as headers, log lines and flight records tell it: `slow-a:latency`. */
export function experimentLabel({ id, fault }: Experiment): string {
  return `${id}:${fault.type}`;
}

/** The experiments that run, and whom they hit. They live in memory only: a restart ends them all. */
export class ChaosEngine {
  readonly #active = new Map<string, Active>();

  constructor(private readonly clock: Clock) {}

  /** Starts an experiment, in place of one with the same id. */
  start(experiment: Experiment): void {
    const expiresAt = this.clock.now() + experiment.ttlMs;
    this.#active.set(experiment.id, { experiment, expiresAt, draw: new VictimDraw(experiment.seed), hits: 0 });
  }

  /** False = there was none. */
  stop(id: string): boolean {
    this.#prune();
    return this.#active.delete(id);
  }

  /** The kill switch; also for each reload. Returns the ids of those that ended. */
  stopAll(): readonly string[] {
    this.#prune();
    const ids = [...this.#active.keys()];
    this.#active.clear();
    return ids;
  }

  active(): readonly ActiveExperiment[] {
    this.#prune();
    const now = this.clock.now();
    return [...this.#active.values()].map(({ experiment, expiresAt, hits }) => ({
      experiment,
      remainingMs: expiresAt - now,
      hits,
    }));
  }

  /** What to do to this attempt; undefined = nothing. */
  planAttempt(subject: ChaosSubject): FaultPlan | undefined {
    this.#prune();
    const experiments: string[] = [];
    let latencyMs = 0;
    let first: ProviderFault | undefined;
    for (const active of this.#active.values()) {
      const { experiment, draw } = active;
      const { fault, percentage } = experiment;
      if (!isProviderFault(fault) || !matches(experiment, subject) || !draw.hits(percentage)) continue;
      active.hits++;
      experiments.push(experimentLabel(experiment));
      if (fault.type !== 'latency') first ??= fault;
      else latencyMs += Math.max(0, fault.ms + (fault.deviationMs > 0 ? fault.deviationMs * draw.normal() : 0));
    }
    return experiments.length > 0 ? { experiments, latencyMs, fault: first } : undefined;
  }

  /** The fault that hits this command to the quota store, if any. Store commands match by percentage alone. */
  drawStoreFault(): StoreFault | undefined {
    this.#prune();
    for (const active of this.#active.values()) {
      const { experiment, draw } = active;
      if (!isStoreFault(experiment.fault) || !draw.hits(experiment.percentage)) continue;
      active.hits++;
      return experiment.fault;
    }
    return undefined;
  }

  /** Faults of the process that are due now: whoever injects them asks again. */
  processFaults(): ProcessFault[] {
    return this.active().flatMap(({ experiment: { fault } }) => (isProcessFault(fault) ? [fault] : []));
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
