import { type BudgetWindow } from '../kernel/snapshot.js';

const HOUR_US = 3_600_000_000;
const LENGTHS = { '1h': HOUR_US, '1d': 24 * HOUR_US, '30d': 720 * HOUR_US, month: 0 } as const;

/** Length of a window, µs; 0 = calendar month in UTC. */
export function windowLengthUs(window: BudgetWindow): number {
  return LENGTHS[window];
}

/** Serial number of the window that an instant falls into: windows begin at multiples of their length in UTC. */
export function windowIndex(lengthUs: number, atUs: number): number {
  if (lengthUs > 0) return Math.floor(atUs / lengthUs);
  if (atUs < month.fromUs || atUs >= month.toUs) month = monthAt(atUs);
  return month.index;
}

/** The month that was asked for last: nearly always the one that is asked for next. */
let month = { index: 0, fromUs: 0, toUs: 0 };

function monthAt(atUs: number): typeof month {
  const date = new Date(Math.floor(atUs / 1000));
  const index = date.getUTCFullYear() * 12 + date.getUTCMonth();
  return { index, fromUs: windowEndUs(0, index - 1), toUs: windowEndUs(0, index) };
}

/** The instant at which a window ends, µs since the epoch. */
export function windowEndUs(lengthUs: number, index: number): number {
  if (lengthUs > 0) return (index + 1) * lengthUs;
  return Date.UTC(Math.floor((index + 1) / 12), (index + 1) % 12) * 1000;
}
