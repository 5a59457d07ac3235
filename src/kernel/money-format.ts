/** Nano-USD as a decimal string without needless zeros: 1_500_000 is `0.0015`. Exact. */
export function formatNanoUsd(nanoUsd: number): string {
  const sign = nanoUsd < 0 ? '-' : '';
  const digits = Math.abs(nanoUsd).toString().padStart(10, '0');
  const fraction = digits.slice(-9).replace(/(?<!0)0+$/, '');
  return `${sign}${digits.slice(0, -9)}${fraction === '' ? '' : `.${fraction}`}`;
}
