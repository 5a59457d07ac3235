/** One step of a signal's ladder: from `threshold` on, held for `samples` samples in a row, the level is `level`. */
export interface LoadStep {
  readonly level: number;
  readonly threshold: number;
  readonly samples: number;
}

const RELEASE = 0.8;
const CALM_SAMPLES = 8;

/** The level of one signal: up at once, down after 8 samples in a row below 80 % of what holds it up. */
export class LoadSignal {
  #level = 0;
  #calm = 0;
  /** Highest level that one of the calm samples would still have held. */
  #calmLevel = 0;
  readonly #held: number[];

  /** `steps` in ascending order. */
  constructor(private readonly steps: readonly LoadStep[]) {
    this.#held = steps.map(() => 0);
  }

  get level(): number {
    return this.#level;
  }

  update(value: number): number {
    const reached = this.#reached(value);
    if (reached >= this.#level) {
      this.#level = reached;
      this.#calm = 0;
      this.#calmLevel = 0;
      return reached;
    }
    const holds = this.#holds(value);
    if (holds >= this.#level) {
      this.#calm = 0;
      this.#calmLevel = 0;
      return this.#level;
    }
    this.#calmLevel = Math.max(this.#calmLevel, holds, reached);
    if (++this.#calm >= CALM_SAMPLES) {
      this.#level = this.#calmLevel;
      this.#calm = 0;
      this.#calmLevel = 0;
    }
    return this.#level;
  }

  #reached(value: number): number {
    let level = 0;
    this.steps.forEach((step, index) => {
      const held = value >= step.threshold ? (this.#held[index] ?? 0) + 1 : 0;
      this.#held[index] = held;
      if (held >= step.samples) level = step.level;
    });
    return level;
  }

  #holds(value: number): number {
    let level = 0;
    for (const step of this.steps) if (value >= RELEASE * step.threshold) level = step.level;
    return level;
  }
}
