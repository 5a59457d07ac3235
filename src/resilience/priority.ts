import { type Priority } from '../kernel/snapshot.js';

/** Bands of importance, as numbers: a higher one goes first. */
export const BAND: Readonly<Record<Priority, number>> = { sheddable: 0, default: 1, critical: 2 };

/** The key's priority, which `X-Priority` may lower and never raise. A value that is no priority changes nothing. */
export function effectivePriority(key: Priority, header: string | undefined): Priority {
  if (header === undefined) return key;
  const asked = header.trim().toLowerCase();
  if (asked !== 'critical' && asked !== 'default' && asked !== 'sheddable') return key;
  return BAND[asked] < BAND[key] ? asked : key;
}
