export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}
export function spread(values: readonly number[]): Spread;
export function ratios(values: readonly number[], units: readonly number[]): Spread;
