/** Minimum, median and maximum: what a handful of rounds can tell. */
export function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return {
    min: sorted[0],
    median: (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2,
    max: sorted[sorted.length - 1],
  };
}

/** Each round's value over the same round's value of the unit: what disturbs a round disturbs both. */
export function ratios(values, units) {
  return spread(values.map((value, round) => value / units[round]));
}
