import { type Price, type PriceTier, type Target } from '../kernel/snapshot.js';
import { type Usage } from '../kernel/upstream.js';
import { shippedPrice } from './prices.js';

/** What bounds the tokens of a prompt without a tokenizer. */
export interface PromptSize {
  /** UTF-8 bytes of all that becomes prompt: messages and tools. */
  readonly bytes: number;
  readonly messages: number;
  /** Images given by address: their size is not in the bytes. */
  readonly images: number;
}

type Rates = Omit<PriceTier, 'fromTokens'>;

const PER_MESSAGE = 8;
const PER_IMAGE = 1600;
const BYTES_PER_TOKEN = 2;
const PICO_PER_NANO = 1000;

/**
 * Upper bound of a prompt's tokens. Half a token per byte holds for every language that tokenizers were made for;
 * `strict` counts each byte, which no byte-level tokenizer exceeds. Chat templates add a few tokens per message.
 */
export function promptUpperBound({ bytes, messages, images }: PromptSize, strict: boolean): number {
  return Math.ceil(bytes / (strict ? 1 : BYTES_PER_TOKEN)) + PER_MESSAGE * messages + PER_IMAGE * images;
}

/** A target's price: the file's, else the shipped one. */
export function priceOf(target: Target): Price | undefined {
  return target.price ?? shippedPrice(target.model);
}

/**
 * The most that a request can cost on any of its targets, nano-USD: all tokens at the dearest tier in reach.
 * @param outputTokens of all choices together
 * @returns undefined where a target has no price: nothing can then be promised
 */
export function worstCaseCost(
  targets: readonly Target[],
  promptTokens: number,
  outputTokens: number,
): number | undefined {
  let worst = 0;
  for (const target of targets) {
    const price = priceOf(target);
    if (price === undefined) return undefined;
    worst = Math.max(worst, costAtWorst(price, promptTokens, outputTokens));
  }
  return worst;
}

/** What a request did cost, nano-USD: cached tokens at their price, the tier of its prompt, one rounding up. */
export function actualCost(price: Price, usage: Usage): number {
  const rates = ratesFor(price, usage.promptTokens);
  const cached = Math.min(usage.cachedTokens, usage.promptTokens);
  const bill = new Bill();
  bill.add(usage.promptTokens - cached, rates.inputPicoUsd);
  bill.add(cached, rates.cachedInputPicoUsd);
  bill.add(usage.completionTokens, rates.outputPicoUsd);
  return bill.nanoUsd;
}

function costAtWorst(price: Price, promptTokens: number, outputTokens: number): number {
  let input = Math.max(price.inputPicoUsd, price.cachedInputPicoUsd);
  let output = price.outputPicoUsd;
  for (const tier of price.tiers) {
    if (tier.fromTokens > promptTokens) break;
    input = Math.max(input, tier.inputPicoUsd, tier.cachedInputPicoUsd);
    output = Math.max(output, tier.outputPicoUsd);
  }
  const bill = new Bill();
  bill.add(promptTokens, input);
  bill.add(outputTokens, output);
  return bill.nanoUsd;
}

function ratesFor(price: Price, promptTokens: number): Rates {
  let rates: Rates = price;
  for (const tier of price.tiers) {
    if (tier.fromTokens > promptTokens) break;
    rates = tier;
  }
  return rates;
}

/**
 * Adds tokens times pico-USD, rounded up once to nano-USD. Whole nano-USD and the rest are added apart, so that
 * every product stays exact; what exceeds 2^53 (9 million USD) counts as 2^53 - 1, which no budget holds.
 */
class Bill {
  #nano = 0;
  #pico = 0;

  add(tokens: number, picoPerToken: number): void {
    const wholePerToken = Math.floor(picoPerToken / PICO_PER_NANO);
    this.#nano += tokens * wholePerToken;
    this.#pico += tokens * (picoPerToken - wholePerToken * PICO_PER_NANO);
  }

  get nanoUsd(): number {
    const sum = this.#nano + Math.ceil(this.#pico / PICO_PER_NANO);
    return sum > Number.MAX_SAFE_INTEGER ? Number.MAX_SAFE_INTEGER : sum;
  }
}
