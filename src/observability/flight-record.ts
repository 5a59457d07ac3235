import { type RequestStages } from './request-stages.js';
import { type AttemptRecord, type Charge, type RequestContext, type RequestEnd } from '../kernel/request-context.js';

/** One attempt as remembered. Times are ms since the request's arrival; what is undefined did not happen or is not known. */
export interface FlightAttempt {
  readonly provider: string;
  readonly upstreamModel: string;
  readonly kind: AttemptRecord['kind'];
  readonly outcome: AttemptRecord['outcome'];
  readonly reason: AttemptRecord['reason'];
  readonly status: number | undefined;
  readonly startMs: number;
  readonly firstContentMs: number | undefined;
  readonly endMs: number | undefined;
}

/** One request as remembered: numbers and configured names, never a text of the caller's or of an upstream's. */
export interface FlightRecord {
  readonly requestId: string;
  readonly gatewayId: string;
  /** Wall clock of its end, ms since the epoch. */
  readonly endedAt: number;
  readonly keyId: string;
  readonly org: string;
  /** Undefined where the caller asked for a model that it may not use, or none was read. */
  readonly model: string | undefined;
  readonly stream: boolean;
  readonly priority: RequestContext['priority'];
  readonly status: number;
  readonly code: string | undefined;
  /** Chaos experiments that had a hand in it, `<id>:<fault>`, separated by commas. */
  readonly chaos: string | undefined;
  readonly end: RequestEnd;
  readonly cut: RequestContext['cut'];
  readonly charge: Charge | undefined;
  readonly stagesMs: RequestStages;
  readonly firstContentMs: number | undefined;
  readonly durationMs: number;
  readonly attempts: readonly FlightAttempt[];
}
