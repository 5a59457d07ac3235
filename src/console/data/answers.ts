/** What the operations API answers. Times in ms. */

export interface TrafficSecond {
  readonly at: number;
  readonly requests: number;
  readonly failed: number;
  readonly refused: number;
  readonly ttftP50: number | null;
  readonly ttftP95: number | null;
  readonly addedP50: number | null;
  readonly addedP99: number | null;
}

export interface Target {
  readonly id: string;
  readonly provider: string;
  readonly model: string;
  readonly enabled: boolean;
  readonly drained: boolean;
  readonly weight: number;
  readonly weightFactor: number;
  readonly tier: number;
  readonly breaker: { readonly state: string; readonly remainingOpenMs: number };
  readonly coolDownMs: number;
  readonly limiter: { readonly limit: number; readonly inFlight: number };
  readonly queued: number;
  readonly ttftMs: { readonly p50: number | null; readonly p95: number | null };
  readonly recentShare: number;
}

export interface Override {
  readonly provider: string;
  readonly drained: boolean;
  readonly weight?: number;
  readonly remainingMs: number;
}

export interface Status {
  readonly config: { readonly version: string; readonly loadedAt: number };
  readonly draining: boolean;
  readonly inFlight: number;
  readonly load: { readonly level: number; readonly causes: readonly string[] };
  readonly traffic: TrafficSecond | null;
  readonly overrides: readonly Override[];
  readonly targets: readonly Target[];
}

export interface ConfigVersion {
  readonly version: string;
  readonly at: number;
  readonly result: 'started' | 'applied' | 'rejected';
  readonly who: string;
  readonly problems: readonly string[];
}

export interface ConfigHistory {
  readonly current: string;
  readonly versions: readonly ConfigVersion[];
}

export interface Candidate {
  readonly valid: boolean;
  readonly changes: readonly string[];
  readonly warnings: readonly string[];
  readonly problems: readonly string[];
}

export interface AuditEntry {
  readonly at: number;
  readonly who: string;
  readonly what: string;
  readonly details: Readonly<Record<string, unknown>>;
}
