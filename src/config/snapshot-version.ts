import { createHash } from 'node:crypto';
import { Secret } from '../kernel/secret.js';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Keys sorted, maps as lists, secrets as digests: equal text exactly for equal meaning. */
function canonical(value: unknown): unknown {
  if (value instanceof Secret) return { sha256: sha256(value.reveal()) };
  if (value instanceof Map) return [...value.values()].map(canonical);
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([key, member]) => [key, canonical(member)]);
}

/** Hex SHA-256 of a resolved configuration: the same on every gateway that runs the same one. */
export function versionOf(resolved: object): string {
  return sha256(JSON.stringify(canonical(resolved)));
}
