export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}
export function spread(values: readonly number[]): Spread;
export function ratios(values: readonly number[], units: readonly number[]): Spread;
export function meanAndError(values: readonly number[]): { readonly mean: number; readonly error: number };
export interface Quantiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}
export function quantiles(values: number[]): Quantiles;
