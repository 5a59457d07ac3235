import { type Worker } from 'node:cluster';
import { type Families } from './metric-families.js';

/** One gateway process. */
export interface Member {
  readonly worker: Worker;
  /** Monotonic ms. */
  readonly startedAt: number;
  state: 'starting' | 'ready' | 'draining';
  /** Unix socket of its operations listener; empty until it takes what operators send. */
  opsPath: string;
  publicUrl: string;
  /** Another takes its place: when it ends, nobody else must. */
  replaced: boolean;
  /** What it told last: kept when it ends. */
  last: Families;
  /** It counts nothing any more. */
  final: boolean;
  /** Its exit code to come, once it was told to end. */
  ending: Promise<number> | undefined;
}

export function newMember(worker: Worker, startedAt: number): Member {
  return {
    worker,
    startedAt,
    state: 'starting',
    opsPath: '',
    publicUrl: '',
    replaced: false,
    last: new Map(),
    final: false,
    ending: undefined,
  };
}
