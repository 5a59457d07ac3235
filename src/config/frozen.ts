import { Secret } from '../kernel/secret.js';

/** A Map that cannot change: Object.freeze does not reach the entries of an ordinary one. */
export class FrozenMap<K, V> extends Map<K, V> {
  #sealed = false;

  constructor(entries: Iterable<readonly [K, V]>) {
    super();
    for (const [key, value] of entries) super.set(key, value);
    this.#sealed = true;
  }

  override set(key: K, value: V): this {
    this.#refuse();
    return super.set(key, value);
  }

  override delete(key: K): boolean {
    this.#refuse();
    return super.delete(key);
  }

  override clear(): void {
    this.#refuse();
    super.clear();
  }

  #refuse(): void {
    if (this.#sealed) throw new TypeError('The snapshot is frozen.');
  }
}

/** Freezes plain objects, lists and the values of maps, all the way down. Maps must be {@link FrozenMap}s. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  if (value instanceof Secret) return value;
  const members: Iterable<unknown> = value instanceof Map ? value.values() : Object.values(value);
  for (const member of members) deepFreeze(member);
  return value;
}
