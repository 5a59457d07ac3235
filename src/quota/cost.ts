import { type Price, type Target } from '../kernel/snapshot.js';
import { type Usage } from '../kernel/upstream.js';

const PICO_PER_NANO = 1_000;

/** What an answer costs, nano-USD: exact in pico-USD, rounded up once. Without a price: 0. */
export function costOf(usage: Usage, price: Price | undefined): number {
  if (!price) return 0;
  const { inputPicoUsd, cachedInputPicoUsd, outputPicoUsd } = ratesFor(price, usage.promptTokens);
  const cached = Math.min(usage.cachedTokens, usage.promptTokens);
  return sumOf([
    [usage.promptTokens - cached, inputPicoUsd],
    [cached, cachedInputPicoUsd],
    [usage.completionTokens, outputPicoUsd],
  ]);
}

/** The most that a request can cost on the dearest of its targets, nano-USD; undefined where one has no price. */
export function worstCost(targets: readonly Target[], promptTokens: number, outputTokens: number): number | undefined {
  let worst = 0;
  for (const { price } of targets) {
    if (!price) return undefined;
    for (const rates of [price, ...price.tiers.filter(({ fromTokens }) => fromTokens <= promptTokens)]) {
      const input = Math.max(rates.inputPicoUsd, rates.cachedInputPicoUsd);
      worst = Math.max(
        worst,
        sumOf([
          [promptTokens, input],
          [outputTokens, rates.outputPicoUsd],
        ]),
      );
    }
  }
  return worst;
}

function ratesFor(
  price: Price,
  promptTokens: number,
): Pick<Price, 'inputPicoUsd' | 'cachedInputPicoUsd' | 'outputPicoUsd'> {
  return price.tiers.findLast(({ fromTokens }) => fromTokens <= promptTokens) ?? price;
}

/** Sum of tokens times pico-USD, as nano-USD rounded up. Beyond 2^53 pico-USD (9,007 USD) exact all the same. */
function sumOf(parts: readonly (readonly [tokens: number, picoUsd: number])[]): number {
  let sum = 0;
  for (const [tokens, picoUsd] of parts) sum += tokens * picoUsd;
  if (Number.isSafeInteger(sum)) return Math.ceil(sum / PICO_PER_NANO);
  const exact = parts.reduce((total, [tokens, picoUsd]) => total + BigInt(tokens) * BigInt(picoUsd), 0n);
  return Number((exact + BigInt(PICO_PER_NANO - 1)) / BigInt(PICO_PER_NANO));
}
