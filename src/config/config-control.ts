import { Logger } from '@nestjs/common';
import { type Clock } from '../kernel/clock.js';
import { type Snapshot } from '../kernel/snapshot.js';
import { type ConfigReload, type ConfigStore } from './config-store.js';

const REMEMBERED = 20;

/** One version that was put in force, or one attempt that was refused. */
export interface ConfigVersion {
  /** Version of the candidate; of a refused one that in force at the time. */
  readonly version: string;
  /** Wall clock, ms since the epoch. */
  readonly at: number;
  readonly result: 'started' | 'applied' | 'rejected';
  /** Who asked for it: `start`, `file`, `SIGHUP` or `admin:<key id>`. */
  readonly who: string;
  readonly problems: readonly string[];
}

interface Remembered extends ConfigVersion {
  readonly snapshot: Snapshot | undefined;
}

/** Changes of the configuration in force, by whomever: each is logged with its reason, the last 20 are remembered. */
export class ConfigControl {
  readonly #logger = new Logger('Config');
  readonly #history: Remembered[] = [];

  constructor(
    private readonly store: ConfigStore,
    private readonly clock: Pick<Clock, 'wall'>,
  ) {
    const { current } = store;
    this.#remember({ version: current.version, result: 'started', who: 'start', problems: [], snapshot: current });
  }

  /** The last 20 changes, newest first. */
  get history(): readonly ConfigVersion[] {
    return this.#history.map(({ version, at, result, who, problems }) => ({ version, at, result, who, problems }));
  }

  /** Reads the file again, or takes `text` in its place. Never throws. */
  async reload(who: string, text?: string): Promise<ConfigReload> {
    return this.#conclude(who, await this.store.reload(text));
  }

  /**
   * Puts a remembered version back in force; the file stays as it is, and its next change counts again.
   * @param version the whole version or its beginning, at least 8 digits
   * @returns undefined where no such version is remembered
   */
  async rollback(who: string, version: string): Promise<ConfigReload | undefined> {
    const found = this.#history.find((entry) => entry.snapshot && entry.version.startsWith(version));
    if (!found?.snapshot) return undefined;
    return this.#conclude(who, await this.store.restore(found.snapshot));
  }

  #conclude(who: string, outcome: ConfigReload): ConfigReload {
    const { result, version, problems, warnings } = outcome;
    if (result === 'unchanged') {
      if (who !== 'file') this.#logger.log({ msg: 'configuration unchanged', who, version });
      return outcome;
    }
    if (result === 'rejected') {
      this.#logger.error({ msg: 'configuration rejected, the last good one stays', who, version, problems });
    } else this.#logger.log({ msg: 'configuration applied', who, version, warnings });
    const { current } = this.store;
    const snapshot = result === 'applied' && current.version === version ? current : undefined;
    this.#remember({ version, result, who, problems, snapshot });
    return outcome;
  }

  #remember(entry: Omit<Remembered, 'at'>): void {
    this.#history.unshift({ ...entry, at: this.clock.wall() });
    this.#history.length = Math.min(this.#history.length, REMEMBERED);
  }
}
