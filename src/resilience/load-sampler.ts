import { type Clock, type Timer } from '../kernel/clock.js';
import { type Level, type LoadSample, SheddingLevel } from './shedding-level.js';

/** Where readings come from: the process itself, or a test. */
export interface LoadSource {
  read(): LoadSample;
}

export interface LevelChange {
  readonly from: Level;
  readonly to: Level;
  readonly causes: readonly (keyof LoadSample)[];
}

/** Reads the load every `sampleMs` and keeps the shedding level. Reading `level` on the hot path costs one field. */
export class LoadSampler {
  readonly #shedding = new SheddingLevel();
  #timer: Timer | undefined;
  /** The present level. */
  level: Level = 0;

  constructor(
    private readonly clock: Clock,
    private readonly source: LoadSource,
    private readonly sampleMs: number,
    private readonly onChange: (change: LevelChange) => void,
  ) {}

  start(): void {
    this.#timer ??= this.clock.after(this.sampleMs, () => this.#sample());
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #sample(): void {
    this.#timer = this.clock.after(this.sampleMs, () => this.#sample());
    const from = this.level;
    this.level = this.#shedding.update(this.source.read());
    if (this.level !== from) this.onChange({ from, to: this.level, causes: this.#shedding.causes() });
  }
}
