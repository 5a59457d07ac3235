import { type BannedWord, type Snapshot } from '../kernel/snapshot.js';
import { Secret } from '../kernel/secret.js';

const MASK = '[secret]';

/**
 * A snapshot as plain data that may be shown: secrets and digests masked, addresses of upstreams without path, rules
 * by their id alone, maps by name, a target's provider by its name.
 */
export function redacted(snapshot: Snapshot): Readonly<Record<string, unknown>> {
  return plain(snapshot, '') as Readonly<Record<string, unknown>>;
}

function plain(value: unknown, member: string): unknown {
  if (value instanceof Secret) return MASK;
  if (typeof value !== 'object' || value === null) return member === 'baseUrl' ? origin(value) : value;
  if (value instanceof Map) return Object.fromEntries([...value].map(([name, entry]) => [name, plain(entry, '')]));
  if (Array.isArray(value)) return list(value, member);
  return Object.fromEntries(
    Object.entries(value).map(([name, entry]) => [
      name,
      name === 'provider' ? (entry as { name: string }).name : plain(entry, name),
    ]),
  );
}

function list(values: readonly unknown[], member: string): unknown {
  if (member === 'digests') return values.map(() => MASK);
  if (member === 'allow') return values.map(() => '[text]');
  if (member === 'words') return (values as readonly BannedWord[]).map((rule) => ({ ...rule, text: '[text]' }));
  return values.map((value) => plain(value, ''));
}

function origin(value: unknown): unknown {
  return typeof value === 'string' && URL.canParse(value) ? new URL(value).origin : undefined;
}
