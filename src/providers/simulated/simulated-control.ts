import { type SimulatedSettings } from '../../kernel/snapshot.js';
import { FAULT_WORDS, faultOf, type SimulatedFaults } from './simulated-faults.js';

const NAMES = ['firstTokenMs', 'tokenMs', 'tokens', 'errorRate', 'seed'] as const satisfies (keyof SimulatedSettings)[];

/** How a stand-alone simulated upstream behaves at the moment; changed as a whole or not at all. */
export class SimulatedBehaviour {
  #faults: readonly string[] = [];

  constructor(private current: SimulatedSettings) {}

  get settings(): SimulatedSettings {
    return this.current;
  }

  /** The faults of every request, in the words that a model name uses. */
  get faultWords(): readonly string[] {
    return this.#faults;
  }

  get faults(): SimulatedFaults {
    return Object.assign({}, ...this.#faults.map(faultOf)) as SimulatedFaults;
  }

  /**
   * Applies `{ settings?, faults? }`: settings change member by member, faults as a list that replaces the last.
   * @throws RangeError saying what is not allowed; nothing has changed then
   */
  change(wish: unknown): void {
    if (!isRecord(wish)) throw new RangeError('Send a JSON object with settings, faults or both.');
    const unknown = Object.keys(wish).find((name) => name !== 'settings' && name !== 'faults');
    if (unknown !== undefined) throw new RangeError(`'${unknown}' is unknown: send settings, faults or both.`);
    const settings = { ...this.current, ...checkedSettings(wish.settings ?? {}) };
    const faults = wish.faults === undefined ? this.#faults : checkedFaults(wish.faults);
    this.current = settings;
    this.#faults = faults;
  }
}

/** @throws RangeError */
export function checkedSettings(wish: unknown): Partial<SimulatedSettings> {
  if (!isRecord(wish)) throw new RangeError('settings must be an object.');
  for (const [name, value] of Object.entries(wish)) {
    if (!NAMES.some((known) => known === name)) {
      throw new RangeError(`settings.${name} is unknown: there are ${NAMES.join(', ')}.`);
    }
    const fits =
      typeof value === 'number' && value >= 0 && (name === 'errorRate' ? value <= 1 : Number.isInteger(value));
    if (!fits)
      throw new RangeError(`settings.${name} must be ${name === 'errorRate' ? 'from 0 to 1' : 'a whole number'}.`);
  }
  return wish;
}

function checkedFaults(wish: unknown): readonly string[] {
  const words: readonly unknown[] | undefined = Array.isArray(wish) ? wish : undefined;
  if (!words?.every((word) => typeof word === 'string' && faultOf(word) !== undefined)) {
    throw new RangeError(`faults must be a list of ${FAULT_WORDS.join(', ')} (N is a number).`);
  }
  return words as readonly string[];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
