export interface Leg {
  readonly name: string;
  /** Somebody else's relay: its failure is a row of the table, not the end of the run. */
  readonly isForeign?: boolean;
}
export interface Rounds<T> {
  readonly figures: Readonly<Record<string, Readonly<Record<string, readonly T[]>>>>;
  readonly failures: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly repeats: readonly string[];
}
export function rotated<T>(list: readonly T[], by: number): T[];
export function runRounds<T>(plan: {
  readonly rounds: number;
  readonly workloads: readonly string[];
  readonly legs: readonly Leg[];
  readonly measure: (leg: Leg, workload: string) => Promise<T>;
  readonly progress: (text: string) => void;
  readonly pause: (ms: number) => Promise<void>;
}): Promise<Rounds<T>>;
