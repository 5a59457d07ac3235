/**
 * Faults that a model name asks for after a `!`, for tests and drills: `mock-model!status-503`,
 * `mock-model!stall-5!no-usage`. Numbers count tokens, or are a status, or milliseconds.
 */
export interface SimulatedFaults {
  /** Answer with this status instead. */
  readonly status?: number;
  /** Seconds in a Retry-After header, with `status`. */
  readonly retryAfter?: number;
  /** Replace the first-token delay, ms. */
  readonly slow?: number;
  /** Accept and never answer. */
  readonly hang?: boolean;
  /** Send headers and the role, then nothing. */
  readonly silent?: boolean;
  /** Close the connection without an answer. */
  readonly reset?: boolean;
  /** Stop sending after this many tokens, connection open. */
  readonly stall?: number;
  /** Cut the connection after this many tokens. */
  readonly cut?: number;
  /** Send an error event after this many tokens. */
  readonly errorEvent?: number;
  /** End cleanly after the last token without a finish reason. */
  readonly noFinish?: boolean;
  readonly noDone?: boolean;
  readonly noUsage?: boolean;
  /** An error object in a 200. */
  readonly errorBody?: boolean;
  readonly malformed?: boolean;
  readonly html?: boolean;
  /** 400: context length exceeded. */
  readonly contextLength?: boolean;
  /** 400: content policy. */
  readonly contentPolicy?: boolean;
}

const FLAGS: Readonly<Record<string, keyof SimulatedFaults>> = {
  hang: 'hang',
  silent: 'silent',
  reset: 'reset',
  'no-finish': 'noFinish',
  'no-done': 'noDone',
  'no-usage': 'noUsage',
  'error-body': 'errorBody',
  malformed: 'malformed',
  html: 'html',
  'context-length': 'contextLength',
  'content-policy': 'contentPolicy',
};
const NUMBERS: Readonly<Record<string, keyof SimulatedFaults>> = {
  status: 'status',
  'retry-after': 'retryAfter',
  slow: 'slow',
  stall: 'stall',
  cut: 'cut',
  'error-event': 'errorEvent',
};

/** The faults in a model name; unknown words after a `!` are part of the name and ask for nothing. */
export function faultsOf(model: string): SimulatedFaults {
  const faults: Record<string, number | boolean> = {};
  for (const word of model.split('!').slice(1)) Object.assign(faults, faultOf(word));
  return faults;
}

/** The fault that one word asks for, or undefined where it is none. */
export function faultOf(word: string): SimulatedFaults | undefined {
  const flag = FLAGS[word];
  if (flag) return { [flag]: true };
  const [, name, amount] = /^([a-z-]+)-(\d+)$/.exec(word) ?? [];
  const number = name === undefined ? undefined : NUMBERS[name];
  return number && { [number]: Number(amount) };
}

/** Every word that asks for a fault, for those who must choose one. */
export const FAULT_WORDS: readonly string[] = [
  ...Object.keys(FLAGS),
  ...Object.keys(NUMBERS).map((name) => `${name}-N`),
];
