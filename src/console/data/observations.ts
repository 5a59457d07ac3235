/** What the gateway remembers of requests and objectives. Times in ms, absent = unknown or did not happen. */

export type SloWindow = '5m' | '1h' | '6h' | '3d';

export interface Objective {
  readonly slo: string;
  readonly objective: number;
  readonly windows: Readonly<
    Record<SloWindow, { readonly good: number; readonly bad: number; readonly burnRate: number }>
  >;
  readonly errorBudgetRemaining: number;
}

export interface FlightAttempt {
  readonly provider: string;
  readonly upstreamModel: string;
  readonly kind: string;
  readonly outcome?: string;
  readonly reason?: string;
  readonly status?: number;
  readonly startMs: number;
  readonly firstContentMs?: number;
  readonly endMs?: number;
}

export interface Flight {
  readonly requestId: string;
  readonly gatewayId: string;
  readonly endedAt: number;
  readonly keyId: string;
  readonly model?: string;
  readonly stream: boolean;
  readonly status: number;
  readonly code?: string;
  readonly end: string;
  readonly charge?: { readonly promptTokens: number; readonly completionTokens: number; readonly costNanoUsd: number };
  readonly stagesMs?: Readonly<Record<string, number>>;
  readonly firstContentMs?: number;
  readonly durationMs: number;
  readonly attempts: readonly FlightAttempt[];
}

export interface Candidate {
  readonly id: string;
  readonly tier: number;
  readonly effectiveWeight: number;
  /** Null where latency or cost decides. */
  readonly share: number | null;
  readonly place: number | null;
  readonly eligible: boolean;
  readonly excludedBy: readonly string[];
  readonly remarks: readonly string[];
}

export interface Explanation {
  readonly verdict: {
    readonly outcome: 'ok' | 'queue' | 'refused';
    readonly step?: string;
    readonly status?: number;
    readonly error?: { readonly code: string | null; readonly message: string };
  };
  readonly estimate: {
    readonly promptTokens: number;
    readonly outputTokens: number;
    readonly costNanoUsd: number;
  } | null;
  readonly plan: readonly string[] | null;
  readonly candidates: readonly Candidate[] | null;
}
