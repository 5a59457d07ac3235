import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ConfigStore } from '../config/config-store.js';
import { type Snapshot } from '../kernel/snapshot.js';
import { type Rule } from './rule.js';
import { buildRules } from './rules.js';

/** The rules of one snapshot, by direction. */
export interface RuleSet {
  readonly input: readonly Rule[];
  readonly output: readonly Rule[];
}

const NONE: RuleSet = { input: [], output: [] };

/** The rules of every snapshot that a request may hold: built before the snapshot is in force, word lists off the event loop. */
@Injectable()
export class RuleSets implements OnModuleInit {
  readonly #sets = new WeakMap<Snapshot, RuleSet>();

  constructor(private readonly config: ConfigStore) {}

  async onModuleInit(): Promise<void> {
    await this.config.prepare(async (candidate) => {
      const { input, output, allow } = candidate.guardrails;
      const [inputRules, outputRules] = await Promise.all([
        buildRules({ words: input.words, pii: input.pii, allow }),
        buildRules({ words: output.words, pii: output.pii, allow }),
      ]);
      this.#sets.set(candidate, { input: inputRules, output: outputRules });
    });
  }

  of(snapshot: Snapshot): RuleSet {
    return this.#sets.get(snapshot) ?? NONE;
  }
}
