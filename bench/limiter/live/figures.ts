import { type Call } from './load.js';

/** A first token later than this is worth nothing to whoever waits for it, ms. */
export const OBJECTIVE_MS = 2_000;

export interface Figures {
  /** Share of requests that were refused. */
  readonly rejected: number;
  /** Whole answers with their first token within the objective, per second. */
  readonly goodputPerSecond: number;
  /** Of all that were not refused; whoever has no token yet counts with the time that it has waited. */
  readonly p50TtftMs: number;
  readonly p99TtftMs: number;
}

export function figuresOf(calls: readonly Call[], seconds: number): Figures {
  const accepted = calls.filter(({ status }) => status === 200 || status === 0);
  const good = accepted.filter(({ whole, ttftMs }) => whole && ttftMs !== undefined && ttftMs <= OBJECTIVE_MS);
  const ttfts = accepted.map(({ ttftMs, totalMs }) => ttftMs ?? totalMs).sort((one, other) => one - other);
  const at = (share: number): number =>
    ttfts[Math.min(ttfts.length - 1, Math.floor(share * ttfts.length))] ?? Number.NaN;
  return {
    rejected: 1 - accepted.length / calls.length,
    goodputPerSecond: good.length / seconds,
    p50TtftMs: at(0.5),
    p99TtftMs: at(0.99),
  };
}

/** Median, and in brackets the smallest and largest. */
export function spread(values: readonly number[], digits: number): string {
  const sorted = [...values].sort((one, other) => one - other);
  const [least, median, most] = [sorted[0]!, sorted[Math.floor(sorted.length / 2)]!, sorted.at(-1)!];
  return `${median.toFixed(digits)} (${least.toFixed(digits)} to ${most.toFixed(digits)})`;
}
