import { type PiiFinder } from './pii-finder.js';

const SPACE = 0x20;
const HYPHEN = 0x2d;
const ZERO = 0x30;
const SHORTEST = 13;
const LONGEST = 19;

interface Digit {
  readonly value: number;
  readonly index: number;
  /** No digit stands directly before it: a number may begin here. */
  readonly leads: boolean;
}

/** Payment card numbers: 13 to 19 digits, single spaces or hyphens between them, first digit 2 to 6, Luhn's check. */
export class CardFinder implements PiiFinder {
  /** The last digits of the run, as many as a number may have. */
  #digits: Digit[] = [];
  /** The last unit was a separator: a second one ends the run. */
  #separated = false;

  get pendingFrom(): number | undefined {
    return this.#digits.find((digit) => digit.leads)?.index;
  }

  read(unit: number, index: number, found: (start: number, end: number) => void): void {
    const value = unit - ZERO;
    if (value >= 0 && value <= 9) {
      this.#digits.push({ value, index, leads: this.#separated || this.#digits.length === 0 });
      if (this.#digits.length > LONGEST + 1) this.#digits.shift();
      this.#separated = false;
      return;
    }
    if (this.#digits.length >= SHORTEST && !this.#separated) this.#check(found);
    if ((unit === SPACE || unit === HYPHEN) && this.#digits.length > 0 && !this.#separated) this.#separated = true;
    else this.#digits = [];
  }

  /** A group of digits ended: is one of the numbers that end here valid? */
  #check(found: (start: number, end: number) => void): void {
    const last = this.#digits.length - 1;
    for (let from = Math.max(0, last + 1 - LONGEST); from <= last + 1 - SHORTEST; from++) {
      const digit = this.#digits[from];
      if (!digit?.leads || digit.value < 2 || digit.value > 6 || !isLuhn(this.#digits, from)) continue;
      found(digit.index, (this.#digits[last]?.index ?? digit.index) + 1);
      this.#digits = [];
      return;
    }
  }
}

/** ISO/IEC 7812-1, annex B: from the right, every second digit doubled. */
function isLuhn(digits: readonly Digit[], from: number): boolean {
  let sum = 0;
  for (let at = digits.length - 1, second = false; at >= from; at--, second = !second) {
    const value = (digits[at]?.value ?? 0) * (second ? 2 : 1);
    sum += value > 9 ? value - 9 : value;
  }
  return sum % 10 === 0;
}
