import { parseArgs } from 'node:util';

export interface LiveBenchOptions {
  /** Starts the engine; `{port}` stands for its port. */
  readonly command: string;
  readonly model: string;
  readonly rounds: number;
  /** Length of the overload, s. */
  readonly seconds: number;
  /** Requests at once that measure the capacity: the engine's slots. */
  readonly slots: number;
}

export const USAGE = `npm run bench:limiter -- --engine 'COMMAND with {port}' [--model tiny] [--rounds 3] [--seconds 60] [--slots 4]`;

/** @throws TypeError for arguments that make no run */
export function readOptions(args: readonly string[]): LiveBenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      engine: { type: 'string' },
      model: { type: 'string', default: 'tiny' },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '60' },
      slots: { type: 'string', default: '4' },
    },
  });
  if (values.engine?.includes('{port}') !== true) throw new TypeError('--engine is needed, with {port} in its command');
  return {
    command: values.engine,
    model: values.model,
    rounds: positive('rounds', values.rounds),
    seconds: positive('seconds', values.seconds),
    slots: positive('slots', values.slots),
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new TypeError(`--${name} is a whole number above 0, not ${text}`);
  return value;
}
