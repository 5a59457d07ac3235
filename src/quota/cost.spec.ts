import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Price, type Target } from '../kernel/snapshot.js';
import { actualCost, priceOf, promptUpperBound, worstCaseCost } from './cost.js';
import { PRICE_TABLES, shippedPrice } from './prices.js';

const MINI: Price = { inputPicoUsd: 150_000, cachedInputPicoUsd: 75_000, outputPicoUsd: 600_000, tiers: [] };
const TIERED: Price = {
  inputPicoUsd: 3_000_000,
  cachedInputPicoUsd: 300_000,
  outputPicoUsd: 15_000_000,
  tiers: [
    { fromTokens: 200_000, inputPicoUsd: 6_000_000, cachedInputPicoUsd: 600_000, outputPicoUsd: 22_500_000 },
    { fromTokens: 400_000, inputPicoUsd: 1_000_000, cachedInputPicoUsd: 100_000, outputPicoUsd: 1_000_000 },
  ],
};

function targetAt(price: Price | undefined, model = 'unheard-of'): Target {
  return { model, price } as Target;
}

describe('bound of a prompt', () => {
  it('is half a token per byte, and some per message and image', () => {
    expect(promptUpperBound({ bytes: 1001, messages: 2, images: 0 }, false)).toBe(501 + 16);
    expect(promptUpperBound({ bytes: 0, messages: 1, images: 2 }, false)).toBe(8 + 3200);
  });

  it('is a token per byte where it is strict', () => {
    expect(promptUpperBound({ bytes: 1001, messages: 1, images: 0 }, true)).toBe(1009);
  });
});

describe('actual cost', () => {
  it('is exact, and rounds up once', () => {
    expect(actualCost(MINI, { promptTokens: 1000, completionTokens: 500, cachedTokens: 0 })).toBe(450_000);
    const odd: Price = { inputPicoUsd: 1, cachedInputPicoUsd: 1, outputPicoUsd: 1, tiers: [] };
    expect(actualCost(odd, { promptTokens: 400, completionTokens: 600, cachedTokens: 0 })).toBe(1);
    expect(actualCost(odd, { promptTokens: 400, completionTokens: 601, cachedTokens: 0 })).toBe(2);
  });

  it('charges cached tokens at their price, and never more of them than the prompt has', () => {
    expect(actualCost(MINI, { promptTokens: 1000, completionTokens: 0, cachedTokens: 600 })).toBe(60_000 + 45_000);
    expect(actualCost(MINI, { promptTokens: 1000, completionTokens: 0, cachedTokens: 5000 })).toBe(75_000);
  });

  it('charges the tier of the prompt', () => {
    const cost = (promptTokens: number): number =>
      actualCost(TIERED, { promptTokens, completionTokens: 1, cachedTokens: 0 });
    expect(cost(199_999)).toBe(199_999 * 3000 + 15_000);
    expect(cost(200_000)).toBe(200_000 * 6000 + 22_500);
    expect(cost(400_000)).toBe(400_000 * 1000 + 1000);
  });

  it('equals exact arithmetic for all tokens and prices', () => {
    const tokens = fc.nat(20_000_000);
    const pico = fc.nat(1_000_000_000);
    fc.assert(
      fc.property(tokens, tokens, tokens, pico, pico, pico, (prompt, completion, cached, input, low, output) => {
        const price: Price = { inputPicoUsd: input, cachedInputPicoUsd: low, outputPicoUsd: output, tiers: [] };
        const inCache = BigInt(Math.min(cached, prompt));
        const exact =
          (BigInt(prompt) - inCache) * BigInt(input) + inCache * BigInt(low) + BigInt(completion) * BigInt(output);
        const found = actualCost(price, { promptTokens: prompt, completionTokens: completion, cachedTokens: cached });
        expect(BigInt(found)).toBe((exact + 999n) / 1000n);
      }),
    );
  });

  it('never leaves the exact range', () => {
    const absurd: Price = { ...MINI, outputPicoUsd: Number.MAX_SAFE_INTEGER };
    const usage = { promptTokens: 1, completionTokens: 2 ** 40, cachedTokens: 0 };
    expect(actualCost(absurd, usage)).toBe(Number.MAX_SAFE_INTEGER);
  });
});

describe('worst case', () => {
  it('is the dearest target', () => {
    expect(worstCaseCost([targetAt(MINI), targetAt(TIERED)], 1000, 1000)).toBe(3_000_000 + 15_000_000);
    expect(worstCaseCost([targetAt(TIERED), targetAt(MINI)], 1000, 1000)).toBe(3_000_000 + 15_000_000);
  });

  it('is what the documentation works out for gpt-4o-mini', () => {
    const mini = targetAt(undefined, 'gpt-4o-mini');
    const prompt = promptUpperBound({ bytes: 2000, messages: 1, images: 0 }, false);
    const reserved = worstCaseCost([mini], prompt, 500)!;
    const charged = actualCost(priceOf(mini)!, { promptTokens: 400, completionTokens: 120, cachedTokens: 0 });
    expect([prompt, reserved, charged, reserved - charged]).toEqual([1008, 451_200, 132_000, 319_200]);
  });

  it('is unknown where a target has no price, and nothing where it is free', () => {
    expect(worstCaseCost([targetAt(MINI), targetAt(undefined)], 1, 1)).toBeUndefined();
    const free: Price = { inputPicoUsd: 0, cachedInputPicoUsd: 0, outputPicoUsd: 0, tiers: [] };
    expect(worstCaseCost([targetAt(free)], 1000, 1000)).toBe(0);
  });

  it('covers whatever the request turns out to be', () => {
    fc.assert(
      fc.property(
        fc.nat(500_000),
        fc.nat(100_000),
        fc.float({ min: 0, max: 1, noNaN: true }),
        fc.float({ min: 0, max: 1, noNaN: true }),
        (prompt, output, share, cachedShare) => {
          const promptTokens = Math.floor(prompt * share);
          const usage = {
            promptTokens,
            completionTokens: Math.floor(output * share),
            cachedTokens: Math.floor(promptTokens * cachedShare),
          };
          expect(worstCaseCost([targetAt(TIERED)], prompt, output)).toBeGreaterThanOrEqual(actualCost(TIERED, usage));
        },
      ),
    );
  });
});

describe('shipped prices', () => {
  it('serve where the file has none, also for dated versions', () => {
    expect(priceOf(targetAt(undefined, 'gpt-4o-mini'))).toEqual(MINI);
    expect(shippedPrice('gpt-4o-mini-2024-07-18')).toEqual(MINI);
    expect(shippedPrice('claude-3-5-haiku-20241022')?.outputPicoUsd).toBe(4_000_000);
  });

  it('yield to the file', () => {
    expect(priceOf(targetAt(TIERED, 'gpt-4o-mini'))).toBe(TIERED);
  });

  it('know nothing of other models', () => {
    for (const name of ['gpt-4o-mini-tuned', '__proto__', 'constructor', ''])
      expect(shippedPrice(name)).toBeUndefined();
  });

  it('say where and when they were read', () => {
    for (const { source, asOf } of PRICE_TABLES) {
      expect(source).toMatch(/^https:/);
      expect(asOf).toMatch(/^\d{4}-\d{2}-\d{2}$/);
    }
  });
});
