import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { ConfigStore } from '../config/config-store.js';
import { type Clock, type Timer } from '../kernel/clock.js';
import { CLOCK } from '../kernel/tokens.js';
import { HealthProber } from './health-prober.js';
import { type TargetState } from './target-state.js';
import { TargetStates } from './target-states.js';

const LOOK_EVERY_MS = 500;
/** A gap shorter than this is no reason to be taken out of service. */
const TOLERATED_MS = 5_000;

/** Which providers could serve, as far as probes and breakers tell. */
@Injectable()
export class ProviderHealth implements OnModuleInit, OnModuleDestroy {
  #timer: Timer | undefined;
  /** Since when nothing could be served, monotonic ms. */
  #deadSince: number | undefined;

  constructor(
    private readonly config: ConfigStore,
    private readonly states: TargetStates,
    private readonly prober: HealthProber,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.#timer = this.clock.after(LOOK_EVERY_MS, () => this.#look());
  }

  onModuleDestroy(): void {
    this.#timer?.cancel();
  }

  /**
   * Down: its last probe failed, or the breakers of all its targets refuse and no probe has succeeded since. A breaker
   * whose pause is over refuses nothing: a gateway out of service for it would never be sent the request that closes it.
   */
  isUp(provider: string): boolean {
    const probe = this.prober.result(provider);
    if (probe?.healthy === false) return false;
    let refusing = false;
    for (const state of this.states.all()) {
      if (state.target.provider.name !== provider) continue;
      if (!refuses(state, probe?.at)) return true;
      refusing = true;
    }
    return !refusing;
  }

  /** Whether some provider could have served some model within the last 5 s. */
  get couldServe(): boolean {
    if (this.#deadSince !== undefined && this.#anyUp()) this.#deadSince = undefined;
    return this.#deadSince === undefined || this.clock.now() - this.#deadSince <= TOLERATED_MS;
  }

  #look(): void {
    this.#timer = this.clock.after(LOOK_EVERY_MS, () => this.#look());
    if (this.#anyUp()) this.#deadSince = undefined;
    else this.#deadSince ??= this.clock.now();
  }

  #anyUp(): boolean {
    for (const { targets } of this.config.current.models.values()) {
      for (const { provider } of targets) if (provider.enabled && this.isUp(provider.name)) return true;
    }
    return false;
  }
}

function refuses({ breaker }: TargetState, healthyAt: number | undefined): boolean {
  if (breaker.remainingOpenMs === 0) return false;
  return healthyAt === undefined || healthyAt <= breaker.openedAt;
}
