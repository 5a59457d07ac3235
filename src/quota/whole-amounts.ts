/**
 * A fraction or NaN in a counter would poison it for good: amounts are refused before they are booked.
 * @throws RangeError
 */
export function requireWhole(tokens: number, costNanoUsd: number): void {
  if (Number.isSafeInteger(tokens) && tokens >= 0 && Number.isSafeInteger(costNanoUsd) && costNanoUsd >= 0) return;
  throw new RangeError(`amounts must be whole and not negative: ${tokens} tokens, ${costNanoUsd} nano-USD`);
}
