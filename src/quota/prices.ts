import { type Price } from '../kernel/snapshot.js';

/** A list price in USD per million tokens: input, cached input, output. */
type ListPrice = readonly [input: number, cached: number, output: number];

/** Where a table's prices were read, and when. */
export interface PriceSource {
  readonly source: string;
  readonly asOf: string;
}

interface PriceTable extends PriceSource {
  readonly models: Readonly<Record<string, ListPrice>>;
}

const PICO_PER_LIST = 1_000_000;

/**
 * List prices of well-known models, for whoever configures none. Vendors change them without notice and grant
 * discounts: a price in the gateway file wins, and who enforces budgets should set one. Compared with the public data of
 * @pydantic/genai-prices 0.1.8, of the date below: no difference.
 */
export const PRICE_TABLES: readonly PriceTable[] = [
  {
    source: 'https://openai.com/api/pricing',
    asOf: '2026-09-23',
    models: {
      'gpt-3.5-turbo': [0.5, 0.5, 1.5],
      'gpt-4o': [2.5, 1.25, 10],
      'gpt-4o-mini': [0.15, 0.075, 0.6],
      'gpt-4.1': [2, 0.5, 8],
      'gpt-4.1-mini': [0.4, 0.1, 1.6],
      'gpt-4.1-nano': [0.1, 0.025, 0.4],
      'gpt-5': [1.25, 0.125, 10],
      'gpt-5-mini': [0.25, 0.025, 2],
      'gpt-5-nano': [0.05, 0.005, 0.4],
      o3: [2, 0.5, 8],
      'o4-mini': [1.1, 0.275, 4.4],
    },
  },
  {
    source: 'https://docs.anthropic.com/en/docs/about-claude/pricing',
    asOf: '2026-09-23',
    models: {
      'claude-3-haiku': [0.25, 0.03, 1.25],
      'claude-3-5-haiku': [0.8, 0.08, 4],
      'claude-haiku-4-5': [1, 0.1, 5],
      'claude-sonnet-4-6': [3, 0.3, 15],
      'claude-opus-4-1': [15, 1.5, 75],
      'claude-opus-4-8': [5, 0.5, 25],
    },
  },
];

const prices = new Map(
  PRICE_TABLES.flatMap(({ models }) => Object.entries(models)).map(([name, list]) => [name, toPrice(list)]),
);
/** `-2024-07-18`, `-20241022`: a dated version costs what its model costs. */
const VERSION = /-(?:\d{4}-\d{2}-\d{2}|\d{8})$/;

/** The shipped price of an upstream's model; undefined where there is none. */
export function shippedPrice(model: string): Price | undefined {
  return prices.get(model) ?? prices.get(model.replace(VERSION, ''));
}

function toPrice([input, cached, output]: ListPrice): Price {
  const pico = (usdPerMillion: number): number => Math.round(usdPerMillion * PICO_PER_LIST);
  return { inputPicoUsd: pico(input), cachedInputPicoUsd: pico(cached), outputPicoUsd: pico(output), tiers: [] };
}
