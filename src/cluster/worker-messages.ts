import { type QuotaCalls, type QuotaReplies } from '../quota/quota-store-host.js';
import { type WorkerState } from './worker-state.js';

/** The process runs; the gateway in it waits for an {@link Adopt}, which says what to start with. */
export interface Begins {
  readonly begins: true;
}

/** The operations listener stands; the public one waits for another {@link Adopt}: changes may have come meanwhile. */
export interface Standing {
  /** Unix socket, in a directory of its own. */
  readonly standing: string;
}

/** The worker serves. */
export interface WorkerReady {
  readonly ready: true;
  readonly publicUrl: string;
}

/** The answer to {@link Tell}. */
export interface Told {
  readonly told: WorkerState;
  /** The number of the question. */
  readonly to: number;
}

/** Everything that a worker counted, after its last request. It ends when it has heard that they arrived. */
export interface LastWords {
  readonly lastWords: string;
}

export type FromWorker = Begins | Standing | WorkerReady | Told | LastWords | QuotaCalls;

/** What the others have; null where there are none. */
export interface Adopt {
  readonly adopt: WorkerState | null;
}

/** Asks what operators have set. */
export interface Tell {
  /** Number of the question. */
  readonly tell: number;
}

/** Others serve in its place: it drains and ends. */
export interface Leave {
  readonly leave: true;
}

export interface Heard {
  readonly heard: true;
}

export type ToWorker = Adopt | Tell | Leave | Heard | QuotaReplies;
