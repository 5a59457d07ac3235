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
  /** Undefined where it was refused, or another process remembered it. */
  readonly snapshot: Snapshot | undefined;
  /** What it was made of; undefined where it was refused. */
  readonly text: string | undefined;
}

/** Where the configuration stands, for another process of the same gateway. It may hold secrets. */
export interface HandedConfig {
  /** Of the version in force. */
  readonly text: string | undefined;
  /** Newest first. */
  readonly history: readonly (ConfigVersion & { readonly text: string | undefined })[];
}

/** Changes of the configuration in force, by whomever: each is logged with its reason, the last 20 are remembered. */
export class ConfigControl {
  readonly #logger = new Logger('Config');
  #history: Remembered[] = [];

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
   * Puts a remembered version back in force; the file stays as it is, and its next change counts again. One that
   * another process remembered is built again from its text.
   * @param version the whole version or its beginning, at least 8 digits
   * @returns undefined where no such version is remembered
   */
  async rollback(who: string, version: string): Promise<ConfigReload | undefined> {
    const found = this.#history.find(({ text, version: known }) => text !== undefined && known.startsWith(version));
    if (!found) return undefined;
    const { snapshot, text } = found;
    return this.#conclude(who, await (snapshot ? this.store.restore(snapshot) : this.store.reload(text)));
  }

  handOver(): HandedConfig {
    const history = this.#history.map(({ snapshot: _, ...version }) => version);
    return { text: this.store.textOf(this.store.current), history };
  }

  /**
   * Goes on from where another process stands: with its version in force, and what it remembers. Where that version
   * cannot be built here, the own one stays. Never throws.
   */
  async takeOver({ text, history }: HandedConfig): Promise<void> {
    if (text !== undefined && text !== this.store.textOf(this.store.current)) await this.reload('takeover', text);
    this.#history = history.map((version) => ({ ...version, snapshot: undefined }));
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

  #remember(entry: Omit<Remembered, 'at' | 'text'>): void {
    const text = entry.snapshot && this.store.textOf(entry.snapshot);
    this.#history.unshift({ ...entry, text, at: this.clock.wall() });
    this.#history.length = Math.min(this.#history.length, REMEMBERED);
  }
}
