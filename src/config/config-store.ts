import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { typedChannel } from '../kernel/channels.js';
import { type Clock } from '../kernel/clock.js';
import { type Snapshot } from '../kernel/snapshot.js';
import { ConfigError } from './config-error.js';
import { type Environment } from './env.js';
import { buildSnapshot, type LoadedSnapshot } from './load-snapshot.js';
import { type ProviderKind } from './provider-snapshot.js';

/** How one reload ended. */
export interface ConfigReload {
  readonly result: 'applied' | 'unchanged' | 'rejected';
  /** Version in force afterwards. */
  readonly version: string;
  /** Why it was rejected, one line each; no line holds a secret. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Builds what a feature derives from a candidate (matcher, key index, pools), aside and before the swap.
 * Throwing rejects the candidate for everybody, so results are kept by candidate (a WeakMap) and never in place
 * of those of the snapshot in force: a request that began with an older snapshot still looks its own up.
 */
export type Preparer = (candidate: Snapshot) => void | Promise<void>;
export type SwapListener = (current: Snapshot, previous: Snapshot) => void;

export interface ConfigStoreOptions {
  readonly env: Environment;
  readonly kinds: readonly ProviderKind[];
  readonly clock: Pick<Clock, 'wall'>;
  /** Text of a file; throws where it cannot be read. */
  readonly readFile?: (path: string) => string;
}

/** Every reload, for whoever counts or logs it. */
export const configReloads = typedChannel<ConfigReload>('config');

/** Holds one reference to the snapshot in force. A reload replaces it as a whole or not at all. */
export class ConfigStore {
  #current: Snapshot | undefined;
  #warnings: readonly string[] = [];
  readonly #preparers: Preparer[] = [];
  readonly #listeners: SwapListener[] = [];
  readonly #texts = new WeakMap<Snapshot, string>();
  #lastReload: Promise<unknown> = Promise.resolve();
  readonly #readFile: (path: string) => string;

  constructor(private readonly options: ConfigStoreOptions) {
    this.#readFile = options.readFile ?? ((path) => readFileSync(path, 'utf8'));
  }

  /** The snapshot in force. Requests read it once, at their start. Throws before {@link load}. */
  get current(): Snapshot {
    if (this.#current === undefined) throw new Error('The configuration is not loaded yet.');
    return this.#current;
  }

  /** Warnings of the load that led to the snapshot in force. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /** File that is read. */
  get path(): string {
    return this.options.env.CONFIG_PATH;
  }

  /** The text that a snapshot of this store was made of. It may hold secrets. */
  textOf(snapshot: Snapshot): string | undefined {
    return this.#texts.get(snapshot);
  }

  /**
   * Reads the file for the first time, or takes `text` in its place.
   * @throws ConfigError: without a usable file there is nothing to serve
   */
  async load(text?: string): Promise<Snapshot> {
    const { snapshot, warnings } = this.#build(text);
    for (const prepare of this.#preparers) await prepare(snapshot);
    this.#current = snapshot;
    this.#warnings = warnings;
    return snapshot;
  }

  /** Registers a preparer. Where a snapshot is in force already, it is prepared at once. */
  prepare(preparer: Preparer): void | Promise<void> {
    this.#preparers.push(preparer);
    if (this.#current !== undefined) return preparer(this.#current);
  }

  /** Calls `listener` after each swap, in the same turn of the event loop. */
  onSwap(listener: SwapListener): void {
    this.#listeners.push(listener);
  }

  /**
   * Reads the file again (or takes `text` in its place) and swaps, one reload after the other. Never throws:
   * whatever goes wrong, the last good snapshot stays in force and the answer says why.
   */
  reload(text?: string): Promise<ConfigReload> {
    return this.#enqueue(() => this.#build(text));
  }

  /** Puts an earlier snapshot back in force, as {@link reload} would: prepared again, and swapped as a whole. */
  restore(snapshot: Snapshot): Promise<ConfigReload> {
    return this.#enqueue(() => ({ snapshot, warnings: [] }));
  }

  /**
   * Builds and prepares a candidate (of `text`, else of the file) and lets it be.
   * @throws ConfigError or what a preparer throws
   */
  async candidate(text?: string): Promise<LoadedSnapshot> {
    const loaded = this.#build(text);
    for (const prepare of this.#preparers) await prepare(loaded.snapshot);
    return loaded;
  }

  #enqueue(source: () => LoadedSnapshot): Promise<ConfigReload> {
    const reload = this.#lastReload.then(async () => {
      const outcome = await this.#tryReload(source);
      configReloads.publish(outcome);
      return outcome;
    });
    this.#lastReload = reload.catch(() => undefined);
    return reload;
  }

  async #tryReload(source: () => LoadedSnapshot): Promise<ConfigReload> {
    const previous = this.current;
    try {
      const { snapshot, warnings } = source();
      if (snapshot.version === previous.version) return this.#outcome('unchanged', { warnings });
      for (const prepare of this.#preparers) await prepare(snapshot);
      this.#current = snapshot;
      this.#warnings = warnings;
      return this.#outcome('applied', { warnings: [...warnings, ...this.#tellOfSwap(snapshot, previous)] });
    } catch (error) {
      return this.#outcome('rejected', { problems: problemsOf(error) });
    }
  }

  /** The swap has happened: a listener that fails takes nothing back and stops nobody else. */
  #tellOfSwap(current: Snapshot, previous: Snapshot): string[] {
    return this.#listeners.flatMap((listener) => {
      try {
        listener(current, previous);
        return [];
      } catch (error) {
        return problemsOf(error).map((problem) => `after the swap: ${problem}`);
      }
    });
  }

  #outcome(
    result: ConfigReload['result'],
    { problems = [], warnings = [] }: Partial<Pick<ConfigReload, 'problems' | 'warnings'>>,
  ): ConfigReload {
    return { result, version: this.current.version, problems, warnings };
  }

  #build(text: string | undefined): LoadedSnapshot {
    const { env, kinds, clock } = this.options;
    const source = text ?? this.#readConfig();
    const loaded = buildSnapshot(source, {
      env,
      kinds,
      baseDir: dirname(this.path),
      readFile: this.#readFile,
      wallNow: clock.wall(),
    });
    this.#texts.set(loaded.snapshot, source);
    return loaded;
  }

  #readConfig(): string {
    try {
      return this.#readFile(this.path);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
      throw new ConfigError([`CONFIG_PATH: the file ${this.path} cannot be read${code}`]);
    }
  }
}

/** What to tell of a failed load: one line per problem. */
export function problemsOf(error: unknown): readonly string[] {
  if (error instanceof ConfigError) return error.problems;
  return [error instanceof Error ? error.message : String(error)];
}
