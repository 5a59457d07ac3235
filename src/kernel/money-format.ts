const NANO = 1e9;

/** Nano-USD as a decimal string without needless zeros: 1_500_000 is `0.0015`. Exact. */
export function formatNanoUsd(nanoUsd: number): string {
  const sign = nanoUsd < 0 ? '-' : '';
  const amount = Math.abs(nanoUsd);
  const whole = Math.floor(amount / NANO);
  let rest = amount - whole * NANO;
  if (rest === 0) return sign + String(whole);
  let unit = NANO;
  while (rest % 10 === 0) {
    rest /= 10;
    unit /= 10;
  }
  // The leading 1 stands for the point, and keeps the zeros behind it.
  return `${sign}${whole}.${String(unit + rest).slice(1)}`;
}
