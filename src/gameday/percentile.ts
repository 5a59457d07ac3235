/** Nearest rank; undefined without values. */
export function percentileOf(values: readonly number[], percentile: number): number | undefined {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil((sorted.length * percentile) / 100) - 1)];
}
