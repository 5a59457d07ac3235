import { createHash } from 'node:crypto';
import { Secret } from '../kernel/secret.js';
import { type Snapshot } from '../kernel/snapshot.js';

type Entry = Readonly<Record<string, unknown>>;

const NANO = 1e9;
const PICO_PER_TOKEN = 1e6;
const NOT_SHOWN = 'changed (not shown)';
/** Members that name no setting of their own: an order, a load, an entry that is compared where it stands. */
const SKIPPED: ReadonlySet<string> = new Set(['version', 'loadedAt', 'provider']);
/** Texts that no log may hold. */
const HIDDEN: ReadonlySet<string> = new Set(['digests', 'allow', 'text']);
/** What entries of a list are called, and what tells one from another. */
const LISTS: Readonly<Record<string, { readonly noun: string; readonly key: (entry: Entry) => string }>> = {
  targets: { noun: 'target', key: ({ id }) => String(id) },
  budgets: { noun: 'budget', key: ({ scope, window }) => `${String(scope)} per ${String(window)}` },
  words: { noun: 'rule', key: ({ id }) => String(id) },
  tiers: { noun: 'price from tokens', key: ({ fromTokens }) => String(fromTokens) },
};

/**
 * What changes from one snapshot to another, one line each: `provider "openai": weight 70 -> 30`. No line holds a
 * secret. Empty exactly where both have the same version.
 */
export function configDiff(from: Snapshot, to: Snapshot): string[] {
  if (from.version === to.version) return [];
  const { anonymous, keys, providers, models, ...settings } = from;
  const lines = [
    ...named('provider', providers.values(), to.providers.values(), ({ name }) => String(name)),
    ...named('model', models.values(), to.models.values(), ({ name }) => String(name)),
    ...named('key', keys.map(flatKey), to.keys.map(flatKey), ({ keyId }) => String(keyId)),
    ...anonymousAccess(anonymous, to.anonymous),
    ...Object.keys(settings).flatMap((name) => settingChange(name, from, to)),
  ];
  return lines.length > 0 ? lines : ['the order of entries changed'];
}

function settingChange(name: string, from: Snapshot, to: Snapshot): string[] {
  const setting = name as keyof Snapshot;
  return SKIPPED.has(name) ? [] : member(name, from[setting], to[setting]);
}

function flatKey({ principal, secret, digests, expiresAt }: Snapshot['keys'][number]): Entry {
  return { ...principal, secret, digests, expiresAt: expiresAt && new Date(expiresAt).toISOString() };
}

function anonymousAccess(from: Snapshot['anonymous'], to: Snapshot['anonymous']): string[] {
  if (from && to) return members({ ...from }, { ...to }, '').map((line) => `anonymous access: ${line}`);
  if (from) return ['anonymous access turned off'];
  return to ? ['anonymous access turned on'] : [];
}

/** Entries that came, went, or differ, found by their name. */
function named(noun: string, from: Iterable<unknown>, to: Iterable<unknown>, key: (entry: Entry) => string): string[] {
  const byKey = (entries: Iterable<unknown>): Map<string, Entry> =>
    new Map([...(entries as Iterable<Entry>)].map((entry) => [key(entry), entry]));
  const before = byKey(from);
  const after = byKey(to);
  const lines: string[] = [];
  for (const [name, entry] of before) {
    const other = after.get(name);
    if (!other) lines.push(`${noun} "${name}" removed`);
    else lines.push(...members(entry, other, '').map((line) => `${noun} "${name}": ${line}`));
  }
  for (const name of after.keys()) if (!before.has(name)) lines.push(`${noun} "${name}" added`);
  return lines;
}

function members(from: Entry, to: Entry, path: string): string[] {
  const names = new Set([...Object.keys(from), ...Object.keys(to)]);
  return [...names]
    .filter((name) => !SKIPPED.has(name))
    .flatMap((name) => member(path === '' ? name : `${path}.${name}`, from[name], to[name]));
}

function member(path: string, from: unknown, to: unknown): string[] {
  const name = path.slice(path.lastIndexOf('.') + 1);
  const entries = LISTS[name];
  if (entries && Array.isArray(from) && Array.isArray(to)) {
    const prefix = path === name ? '' : `${path.slice(0, -name.length - 1)}: `;
    return named(entries.noun, from, to, entries.key).map((line) => prefix + line);
  }
  if (isEntry(from) && isEntry(to)) return members(from, to, path);
  if (fingerprint(from) === fingerprint(to)) return [];
  if (HIDDEN.has(name) || from instanceof Secret || to instanceof Secret) return [`${path} ${hiddenChange(from, to)}`];
  if (name === 'baseUrl') return [addressChange(from, to)];
  const [label, before, after] = inWords(path, from, to);
  return [`${label} ${before} -> ${after}`];
}

function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Secret);
}

function hiddenChange(from: unknown, to: unknown): string {
  if (from === undefined) return 'set (not shown)';
  return to === undefined ? 'removed' : NOT_SHOWN;
}

/** A path may hold a credential: only origins are shown. */
function addressChange(from: unknown, to: unknown): string {
  const origin = (url: unknown): string => (typeof url === 'string' ? new URL(url).origin : 'none');
  const [before, after] = [origin(from), origin(to)];
  return before === after ? `baseUrl of ${before} ${NOT_SHOWN}` : `baseUrl ${before} -> ${after}`;
}

/** Money in the units of the file. */
function inWords(path: string, from: unknown, to: unknown): [string, string, string] {
  const divided = (value: unknown, by: number): string =>
    typeof value === 'number' ? String(value / by) : show(value);
  if (path.endsWith('NanoUsd')) return [path.replace(/NanoUsd$/, 'Usd'), divided(from, NANO), divided(to, NANO)];
  if (!path.endsWith('PicoUsd')) return [path, show(from), show(to)];
  return [path.replace(/PicoUsd$/, 'PerMillion'), divided(from, PICO_PER_TOKEN), divided(to, PICO_PER_TOKEN)];
}

function show(value: unknown): string {
  if (value === undefined || value === null) return 'none';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Equal for equal meaning; secrets by their digest, so that a change of one is seen without showing it. */
function fingerprint(value: unknown): string | undefined {
  if (value instanceof Secret) return createHash('sha256').update(value.reveal()).digest('hex');
  return JSON.stringify(value);
}
