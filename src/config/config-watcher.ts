import { createHash } from 'node:crypto';
import { type FSWatcher, readFileSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import { type Clock, type Timer } from '../kernel/clock.js';

/** A change is taken up when the folder has been quiet this long, ms: writes in parts count as one. */
export const QUIET_MS = 200;
/** However unquiet the folder, a change waits no longer, ms. */
export const LONGEST_WAIT_MS = 1_000;

export interface ConfigWatcherOptions {
  /** The file to keep an eye on. */
  readonly path: string;
  readonly clock: Pick<Clock, 'now' | 'after'>;
  /** Called with the new text, or with undefined where the file cannot be read. */
  readonly onChange: (text: string | undefined) => void;
  /** The folder can be watched no longer. */
  readonly onError: (error: Error) => void;
}

/**
 * Tells when a file has other content. The folder is watched, not the file: an atomic rename and the symlink swap of
 * a mounted ConfigMap put another file in its place, and a watch on the old one would never speak again.
 */
export class ConfigWatcher {
  #watcher: FSWatcher | undefined;
  #timer: Timer | undefined;
  #changedAt = 0;
  /** Hash of the content that was told last: it is not told again. Undefined: none was. */
  seen: string | undefined;

  constructor(private readonly options: ConfigWatcherOptions) {}

  /** Begins to watch, and tells the content that it finds, where it was not seen. Does not keep the process alive. */
  start(): void {
    try {
      this.#watcher = watch(dirname(this.options.path), { persistent: false }, () => this.touched());
      this.#watcher.on('error', this.options.onError);
    } catch (error) {
      // No watches left on this machine: no reason not to serve.
      this.options.onError(error as Error);
    }
    this.touched();
  }

  /** Something happened in the folder. */
  touched(): void {
    const now = this.options.clock.now();
    if (!this.#timer) {
      this.#changedAt = now;
      this.#timer = this.options.clock.after(QUIET_MS, () => this.#look());
    } else if (now + QUIET_MS <= this.#changedAt + LONGEST_WAIT_MS) this.#timer.restart();
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #look(): void {
    this.#timer = undefined;
    const text = this.#read();
    const hash = hashOf(text);
    if (hash === this.seen) return;
    this.seen = hash;
    this.options.onChange(text);
  }

  #read(): string | undefined {
    try {
      return readFileSync(this.options.path, 'utf8');
    } catch {
      return undefined;
    }
  }
}

function hashOf(text: string | undefined): string {
  return text === undefined ? 'unreadable' : createHash('sha256').update(text).digest('hex');
}
