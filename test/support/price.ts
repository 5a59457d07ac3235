import { type Price } from '../../src/kernel/snapshot.js';

/** Pico-USD per token: input 1,000 (1 nano-USD), cached 100, output 2,000 unless the test says otherwise. */
export function aPrice(price: Partial<Price> = {}): Price {
  return { inputPicoUsd: 1000, cachedInputPicoUsd: 100, outputPicoUsd: 2000, tiers: [], ...price };
}
