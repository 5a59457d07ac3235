/** An amount as the file holds it: a decimal string, or a number whose shortest decimal form is meant. */
export type DecimalAmount = string | number;

const DECIMAL = /^(\d{1,20})(?:\.(\d{1,30}))?(?:[eE]([+-]?\d{1,2}))?$/;
const NANO_DIGITS = 9;
// USD per million tokens -> pico-USD per token: 10^12 / 10^6.
const PICO_PER_TOKEN_DIGITS = 6;

/**
 * The amount times 10^digits as an integer, computed on the digits themselves and so exact.
 * undefined = negative, not a decimal number, finer than 10^-digits, or beyond 2^53.
 */
function scale(amount: DecimalAmount, digits: number): number | undefined {
  const parts = DECIMAL.exec(String(amount));
  if (parts === null) return undefined;
  const [, whole = '', fraction = '', exponent = '0'] = parts;
  const shift = digits + Number(exponent) - fraction.length;
  const all = whole + fraction;
  const dropped = shift < 0 ? all.slice(Math.max(0, all.length + shift)) : '';
  if (/[1-9]/.test(dropped)) return undefined;
  const kept = shift < 0 ? all.slice(0, Math.max(0, all.length + shift)) : all + '0'.repeat(shift);
  const scaled = Number(kept);
  return Number.isSafeInteger(scaled) ? scaled : undefined;
}

/** USD to nano-USD, exact; undefined where {@link scale} has no integer for it. */
export function usdToNano(usd: DecimalAmount): number | undefined {
  return scale(usd, NANO_DIGITS);
}

/** USD per million tokens to pico-USD per token, exact; undefined where {@link scale} has no integer for it. */
export function perMillionToPico(usdPerMillion: DecimalAmount): number | undefined {
  return scale(usdPerMillion, PICO_PER_TOKEN_DIGITS);
}
