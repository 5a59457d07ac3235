import { Inject, Injectable } from '@nestjs/common';
import { type Clock } from '../kernel/clock.js';
import { type Target } from '../kernel/snapshot.js';
import { CLOCK } from '../kernel/tokens.js';

interface WeightOverride {
  readonly weight: number;
  /** Monotonic ms. */
  readonly until: number;
}

/** What an operator has set over the file for one provider. */
export interface Override {
  readonly provider: string;
  readonly drained: boolean;
  /** In place of the provider's weight; undefined = the file's. */
  readonly weight: number | undefined;
  /** How long the weight still holds, ms; 0 without one. */
  readonly remainingMs: number;
}

/** What operators set over the file, by provider, in this process and until it ends or expires. */
@Injectable()
export class Overrides {
  readonly #drained = new Set<string>();
  readonly #weights = new Map<string, WeightOverride>();

  constructor(@Inject(CLOCK) private readonly clock: Clock) {}

  /** New requests go elsewhere; those in flight finish where they are. */
  drain(provider: string): void {
    this.#drained.add(provider);
  }

  undrain(provider: string): void {
    this.#drained.delete(provider);
  }

  /** Uses `weight` in place of the provider's own for `ttlMs`; 0 leaves it for failover alone. */
  setWeight(provider: string, weight: number, ttlMs: number): void {
    this.#weights.set(provider, { weight, until: this.clock.now() + ttlMs });
  }

  /** The targets that no drain excludes: the very list where nothing is drained. */
  admitted(targets: readonly Target[]): readonly Target[] {
    if (this.#drained.size === 0) return targets;
    return targets.filter(({ provider }) => !this.#drained.has(provider.name));
  }

  /** Factor on the target's weight: a target with a weight of its own changes in the provider's ratio. */
  weightFactor({ provider }: Target): number {
    if (this.#weights.size === 0) return 1;
    const weight = this.#weightOf(provider.name);
    if (weight === undefined || provider.weight === 0) return 1;
    return weight / provider.weight;
  }

  /** Those in force. */
  list(): Override[] {
    const providers = new Set([...this.#drained, ...this.#weights.keys()]);
    return [...providers].flatMap((provider) => {
      const weight = this.#weightOf(provider);
      const drained = this.#drained.has(provider);
      if (!drained && weight === undefined) return [];
      const until = this.#weights.get(provider)?.until;
      return [{ provider, drained, weight, remainingMs: until === undefined ? 0 : until - this.clock.now() }];
    });
  }

  #weightOf(provider: string): number | undefined {
    const override = this.#weights.get(provider);
    if (!override) return undefined;
    if (override.until > this.clock.now()) return override.weight;
    this.#weights.delete(provider);
    return undefined;
  }
}
