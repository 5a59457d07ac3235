import { isAlphanumeric, isLetter, type PiiFinder } from './pii-finder.js';

const AT = 0x40;
const DOT = 0x2e;
const HYPHEN = 0x2d;
/** RFC 5321: octets before and after the @. */
const LONGEST_LOCAL = 64;
const LONGEST_DOMAIN = 253;
const LOCAL_EXTRAS = new Set(Array.from('._%+-', (character) => character.charCodeAt(0)));

/** `local@domain.tld` in ASCII, as the normaliser leaves it (lower case). */
export class EmailFinder implements PiiFinder {
  /** First unit of the local part; -1 = outside of one. */
  #start = -1;
  /** Index of the @; -1 = not seen yet. */
  #at = -1;
  /** Index of the domain's last dot; -1 = none. */
  #dot = -1;
  /** End of the longest address read so far; -1 = none. */
  #end = -1;
  #previous = 0;

  get pendingFrom(): number | undefined {
    return this.#start < 0 ? undefined : this.#start;
  }

  read(unit: number, index: number, found: (start: number, end: number) => void): void {
    if (this.#at < 0) this.#readLocal(unit, index);
    else this.#readDomain(unit, index, found);
    this.#previous = unit;
  }

  #readLocal(unit: number, index: number): void {
    if (unit === AT && this.#start >= 0) {
      this.#at = index;
      this.#dot = this.#end = -1;
    } else if (!isAlphanumeric(unit) && !LOCAL_EXTRAS.has(unit)) {
      this.#start = -1;
    } else if (this.#start < 0) {
      this.#start = index;
    } else if (index - this.#start >= LONGEST_LOCAL) {
      // Only the last 64 can be a local part.
      this.#start++;
    }
  }

  #readDomain(unit: number, index: number, found: (start: number, end: number) => void): void {
    const inDomain = isAlphanumeric(unit) || unit === HYPHEN;
    if (inDomain && index - this.#at <= LONGEST_DOMAIN) {
      // A top-level domain has two letters or more; `a.b2` and `a.b` are none.
      if (this.#dot >= 0 && isLetter(unit) && index - this.#dot >= 2) this.#end = index + 1;
      return;
    }
    if (unit === DOT && isAlphanumeric(this.#previous) && index - this.#at <= LONGEST_DOMAIN) {
      this.#dot = index;
      return;
    }
    if (this.#end >= 0) found(this.#start, this.#end);
    // What followed the @ may be the local part of another address.
    const next = this.#end < 0 && this.#dot < 0 && unit === AT ? this.#at + 1 : -1;
    this.#start = next >= 0 && next < index ? Math.max(next, index - LONGEST_LOCAL) : -1;
    this.#at = this.#start >= 0 ? index : -1;
    if (this.#at < 0) this.#readLocal(unit, index);
  }
}
