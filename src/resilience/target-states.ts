import { Inject, Injectable } from '@nestjs/common';
import { breakerTransitions } from '../kernel/channels.js';
import { type Clock } from '../kernel/clock.js';
import { type Snapshot, type Target } from '../kernel/snapshot.js';
import { CLOCK } from '../kernel/tokens.js';
import { ConfigStore } from '../config/config-store.js';
import { TargetState } from './target-state.js';

/** The state of every target, kept as long as the address behind the name is the same. */
@Injectable()
export class TargetStates {
  readonly #byAddress = new Map<string, TargetState>();
  #byTarget = new WeakMap<Target, TargetState>();

  constructor(
    config: ConfigStore,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.#adopt(config.current);
    config.onSwap((snapshot) => this.#adopt(snapshot));
  }

  /** @throws Error for a target of no snapshot that was ever in force */
  of(target: Target): TargetState {
    const state = this.#byTarget.get(target);
    if (!state) throw new Error(`no state for target ${target.id}`);
    return state;
  }

  /** Those of the snapshot in force, in its order. */
  all(): Iterable<TargetState> {
    return this.#byAddress.values();
  }

  #adopt(snapshot: Snapshot): void {
    const used = new Set<string>();
    for (const { targets } of snapshot.models.values()) {
      for (const target of targets) {
        const address = `${target.id} ${target.provider.baseUrl ?? ''}`;
        used.add(address);
        this.#byTarget.set(target, this.#stateOf(address, target, snapshot));
      }
    }
    for (const address of this.#byAddress.keys()) if (!used.has(address)) this.#byAddress.delete(address);
  }

  #stateOf(address: string, target: Target, { resilience }: Snapshot): TargetState {
    const known = this.#byAddress.get(address);
    if (known) {
      known.configure(target, resilience);
      return known;
    }
    const state = new TargetState(this.clock, target, resilience, (of, transition) => {
      breakerTransitions.publish({ target: of, ...transition });
    });
    this.#byAddress.set(address, state);
    return state;
  }
}
