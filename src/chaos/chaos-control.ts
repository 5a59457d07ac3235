import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { type Experiment, isProviderFault, parseExperiment } from '../config/chaos-experiment.js';
import { configReloads, ConfigStore } from '../config/config-store.js';
import { requestOpened } from '../kernel/channels.js';
import { type Clock, type Timer } from '../kernel/clock.js';
import { StoreFaults } from '../kernel/store-faults.js';
import { CLOCK } from '../kernel/tokens.js';
import { ProviderCatalog } from '../providers/catalog.js';
import { AttemptChaos } from './attempt-chaos.js';
import { type ActiveExperiment, ChaosEngine, experimentLabel } from './chaos-engine.js';
import { signChaosToken } from './chaos-token.js';
import { ProcessStrain } from './process-strain.js';

/** An experiment in force, as operators see it. */
export interface RunningExperiment extends Experiment {
  /** Wall clock, ms since the epoch. */
  readonly startedAt: number;
  /** `file`, or `admin:<key id>`. */
  readonly startedBy: string;
  readonly remainingMs: number;
  /** Attempts or store commands that it hit so far; null for faults of the process, which hit every request. */
  readonly hits: number | null;
  /** The value of `X-Chaos` that admits a request to it; null where its scope asks for none. */
  readonly token: string | null;
}

interface Started {
  readonly at: number;
  readonly by: string;
  readonly expiry: Timer;
}

/**
 * Starts and ends experiments, and puts faults in place only while one needs them. Each ends when its time is over, by
 * the kill switch, when another configuration comes into force, and with the process.
 */
@Injectable()
export class ChaosControl implements OnModuleInit, OnModuleDestroy {
  readonly #logger = new Logger('Chaos');
  readonly #engine: ChaosEngine;
  readonly #attempts: AttemptChaos;
  readonly #strain: ProcessStrain;
  /** Signs tokens, which end with it: of this process, or of the processes of one gateway. */
  secret = randomBytes(32).toString('hex');
  readonly #started = new Map<string, Started>();
  #readsTokens = false;
  #stopTouching: (() => void) | undefined;
  #stopHearingReloads: (() => void) | undefined;

  constructor(
    private readonly config: ConfigStore,
    private readonly catalog: ProviderCatalog,
    private readonly storeFaults: StoreFaults,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.#engine = new ChaosEngine(clock);
    this.#attempts = new AttemptChaos(this.#engine, clock, () => this.secret);
    this.#strain = new ProcessStrain(clock);
  }

  onModuleInit(): void {
    this.#stopHearingReloads = configReloads.subscribe(({ result }) => {
      if (result === 'applied') this.stopAll();
    });
    if (!this.enabled) return;
    for (const text of this.config.current.chaos.experiments) {
      const experiment = parseExperiment(text);
      // The file was checked when it was loaded.
      if (!('problems' in experiment)) this.start(experiment, 'file');
    }
  }

  onModuleDestroy(): void {
    this.#stopHearingReloads?.();
    this.stopAll();
  }

  /** Whether the configuration and the environment allow experiments. */
  get enabled(): boolean {
    return this.config.current.chaos.enabled;
  }

  /** Whether an experiment asks for the `X-Chaos` of requests. */
  get readsTokens(): boolean {
    return this.#readsTokens;
  }

  get activeCount(): number {
    return this.#started.size;
  }

  /** Starts an experiment, in place of one with the same id. */
  start(experiment: Experiment, by: string): void {
    const { id, ttlMs } = experiment;
    this.#forget(id);
    this.#engine.start(experiment);
    const expiry = this.clock.after(ttlMs, () => {
      this.#logger.warn({ msg: 'chaos experiment is over', experiment: experimentLabel(experiment) });
      this.stop(id);
    });
    this.#started.set(id, { at: this.clock.wall(), by, expiry });
    this.#logger.warn({ msg: 'chaos experiment runs', experiment: experimentLabel(experiment), by, ttlMs });
    this.#putInPlace();
  }

  /** False = there was none. */
  stop(id: string): boolean {
    const found = this.#forget(id);
    this.#engine.stop(id);
    this.#putInPlace();
    return found;
  }

  /** The kill switch. Returns the ids of those that ended. */
  stopAll(): readonly string[] {
    const ids = [...this.#started.keys()];
    for (const id of ids) this.#forget(id);
    this.#engine.stopAll();
    this.#putInPlace();
    return ids;
  }

  list(): readonly RunningExperiment[] {
    return this.#engine.active().map((active) => this.#describe(active));
  }

  #describe({ experiment, remainingMs, hits }: ActiveExperiment): RunningExperiment {
    const { id, scope } = experiment;
    const { at, by } = this.#started.get(id) ?? { at: 0, by: 'file' };
    const token = scope.token ? signChaosToken(this.secret, id, at + experiment.ttlMs) : null;
    const counted = experiment.fault.type !== 'memory' && experiment.fault.type !== 'event_loop_block';
    return { ...experiment, startedAt: at, startedBy: by, remainingMs, hits: counted ? hits : null, token };
  }

  #forget(id: string): boolean {
    this.#started.get(id)?.expiry.cancel();
    return this.#started.delete(id);
  }

  /** Whoever has no experiment running pays nothing. */
  #putInPlace(): void {
    const experiments = this.#engine.active().map(({ experiment }) => experiment);
    const ofAttempts = experiments.some(({ fault }) => isProviderFault(fault));
    this.catalog.faults = ofAttempts ? this.#attempts : undefined;
    this.storeFaults.draw = experiments.some(({ fault }) => fault.type.startsWith('redis_'))
      ? () => this.#engine.drawStoreFault()
      : undefined;
    this.#readsTokens = experiments.some(({ scope }) => scope.token);
    this.#strain.apply(this.#engine.processFaults());
    this.#touchRequests(experiments.filter(({ fault }) => !isProviderFault(fault)).map(experimentLabel));
  }

  /** Faults of the store and of the process concern every request that opens meanwhile. */
  #touchRequests(labels: readonly string[]): void {
    this.#stopTouching?.();
    this.#stopTouching =
      labels.length === 0
        ? undefined
        : requestOpened.subscribe((ctx) => {
            for (const label of labels) ctx.touchedBy(label);
          });
  }
}
