/** Numbers for people: short, and of the same width where they change. */

const NONE = '–';

/** `0.42 ms`, `38 ms`, `1.25 s`, `2 min 5 s`. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return NONE;
  if (ms === 0) return '0 ms';
  if (ms < 10) return `${ms.toFixed(ms < 1 ? 2 : 1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.floor((ms % 60_000) / 1_000)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A share of 1 as a percentage with `digits` after the point. */
export function percent(share: number, digits = 0): string {
  return `${Number((share * 100).toFixed(digits))}\u00a0%`;
}

/** At most three significant digits: `0.5`, `12`, `1,250`. */
export function amount(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 2 : value < 100 ? 1 : 0 });
}

/** USD, with as many digits as a small price needs. */
export function usd(value: number): string {
  if (value === 0) return '$0';
  return `$${value.toLocaleString('en', { maximumFractionDigits: value < 0.01 ? 6 : value < 1 ? 4 : 2 })}`;
}

/** `14:03:59`, of today or of any day. */
export function time(at: number): string {
  return new Date(at).toLocaleTimeString('en-GB');
}

/** `23 Nov, 14:03:59`. */
export function moment(at: number): string {
  return `${new Date(at).toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })}, ${time(at)}`;
}

/** The beginning of a version, as the command line shows it. */
export function shortVersion(version: string): string {
  return version.slice(0, 12);
}
