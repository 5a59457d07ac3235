/** A chaos experiment that runs. */
export interface RunningExperiment {
  readonly id: string;
  readonly fault: Readonly<Record<string, unknown>> & { readonly type: string };
  readonly scope: Readonly<Record<string, unknown>>;
  readonly percentage: number;
  readonly remainingMs: number;
}
