import { type RunningExperiment } from '../chaos/chaos-control.js';
import { type QuotaCall } from '../quota/quota-store-host.js';
import { type Override } from '../resilience/overrides.js';

/** What operators have set on a worker, over its file. */
export interface WorkerState {
  readonly overrides: readonly Override[];
  readonly experiments: readonly RunningExperiment[];
}

/** The operations listener stands; the public one waits for an {@link Adopt}. */
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
}

/** Everything that a worker counted, after its last request. It ends when it has heard that they arrived. */
export interface LastWords {
  readonly lastWords: string;
}

export type FromWorker = Standing | WorkerReady | Told | LastWords | QuotaCall;

/** To a worker that stands: what the others have; null where there are none. */
export interface Adopt {
  readonly adopt: WorkerState | null;
}

/** Asks what operators have set. */
export interface Tell {
  readonly tell: true;
}

/** Others serve in its place: it drains and ends. */
export interface Leave {
  readonly leave: true;
}

export interface Heard {
  readonly heard: true;
}

export type ToWorker = Adopt | Tell | Leave | Heard;
