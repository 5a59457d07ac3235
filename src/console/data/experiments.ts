/** What chaos does at the moment, and whether it may. */
export interface Chaos {
  readonly enabled: boolean;
  readonly experiments: readonly RunningExperiment[];
}

/** A chaos experiment that runs. */
export interface RunningExperiment {
  readonly id: string;
  readonly fault: Readonly<Record<string, unknown>> & { readonly type: string };
  readonly scope: Readonly<Record<string, unknown>>;
  readonly percentage: number;
  readonly remainingMs: number;
  /** Attempts that it hit so far; null where nobody counts. */
  readonly hits: number | null;
}
