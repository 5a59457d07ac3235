import { type Priority } from '../kernel/snapshot.js';
import { LoadSignal, type LoadStep } from './load-signal.js';

/** 0 normal, 1 brown-out, 2 sheds sheddable, 3 sheds default, too, 4 refuses all but health. */
export type Level = 0 | 1 | 2 | 3 | 4;

/** One reading of how loaded the process is; ratios from 0 to 1 (and above). */
export interface LoadSample {
  /** p99 of the event loop's delay over the last second, ms. */
  readonly loopDelayMs: number;
  readonly utilisation: number;
  readonly memory: number;
  readonly inFlight: number;
  readonly sockets: number;
}

const SAMPLES_PER_SECOND = 4;

const step = (level: number, threshold: number, samples = 1): LoadStep => ({ level, threshold, samples });

/** Thresholds by signal and level. The second of two successive seconds is the fifth sample of a one-second window. */
const STEPS: Readonly<Record<keyof LoadSample, readonly LoadStep[]>> = {
  loopDelayMs: [step(1, 50), step(2, 100), step(3, 250, SAMPLES_PER_SECOND + 1), step(4, 1_000)],
  utilisation: [step(1, 0.9), step(2, 0.97, 2 * SAMPLES_PER_SECOND)],
  memory: [step(1, 0.7), step(2, 0.8), step(3, 0.88), step(4, 0.94)],
  inFlight: [step(1, 0.8), step(2, 0.9), step(3, 1)],
  sockets: [step(1, 0.8), step(2, 0.9)],
};

const SIGNALS = Object.keys(STEPS) as (keyof LoadSample)[];

/** The shedding level: the highest that any signal asks for. To be fed every 250 ms. */
export class SheddingLevel {
  readonly #signals = SIGNALS.map((name) => ({ name, signal: new LoadSignal(STEPS[name]) }));
  #level: Level = 0;

  get level(): Level {
    return this.#level;
  }

  update(sample: LoadSample): Level {
    let level = 0;
    for (const { name, signal } of this.#signals) level = Math.max(level, signal.update(sample[name]));
    this.#level = level as Level;
    return this.#level;
  }

  /** The signals that hold the present level up: the reason to log and to count. */
  causes(): readonly (keyof LoadSample)[] {
    if (this.#level === 0) return [];
    return this.#signals.filter(({ signal }) => signal.level === this.#level).map(({ name }) => name);
  }
}

/** Is a request of this priority refused at this level? */
export function sheds(level: Level, priority: Priority): boolean {
  switch (priority) {
    case 'critical':
      return level >= 4;
    case 'default':
      return level >= 3;
    case 'sheddable':
      return level >= 2;
  }
}
