import { isAlphanumeric, isDigit, isLetter, type PiiFinder } from './pii-finder.js';

const SPACE = 0x20;
const HYPHEN = 0x2d;

/** Characters of a country's IBAN (SWIFT IBAN registry, release 99). */
const LENGTHS: ReadonlyMap<string, number> = new Map(
  (
    'ad24 ae23 al28 at20 az28 ba20 be16 bg22 bh22 bi27 br29 by28 ch21 cr22 cy28 cz24 de22 dj27 dk18 do28 ee20 eg29 ' +
    'es24 fi18 fk18 fo18 fr27 gb22 ge22 gi23 gl18 gr27 gt28 hn28 hr21 hu28 ie22 il23 iq23 is26 it27 jo30 kw30 kz20 ' +
    'lb28 lc32 li21 lt20 lu20 lv21 ly25 mc27 md24 me22 mk19 mn20 mr27 mt31 mu30 ni28 nl18 no15 om23 pk24 pl28 ps29 ' +
    'pt25 qa29 ro24 rs22 ru33 sa24 sc31 sd18 se24 si19 sk24 sm27 so23 st25 sv28 tl23 tn24 tr26 ua29 va22 vg24 xk20 ye30'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

interface Candidate {
  readonly start: number;
  end: number;
  /** The characters so far, separators left out. */
  text: string;
}

/** IBANs of every registered country: its length, ISO 7064's check (mod 97), single spaces or hyphens between groups. */
export class IbanFinder implements PiiFinder {
  /** In the order of their starts; each begins a word, so there are never many. */
  #candidates: Candidate[] = [];
  /** The last two units: was there a separator, and did a word go on? */
  #previous = -1;

  get pendingFrom(): number | undefined {
    return this.#candidates[0]?.start;
  }

  read(unit: number, index: number, found: (start: number, end: number) => void): void {
    if (!isAlphanumeric(unit)) this.#endGroup(unit, found);
    else {
      if (isLetter(unit) && !isAlphanumeric(this.#previous)) {
        this.#candidates.push({ start: index, end: index, text: '' });
      }
      const character = String.fromCharCode(unit);
      for (const candidate of this.#candidates) {
        candidate.text += character;
        candidate.end = index + 1;
      }
      if (this.#candidates.length > 0) this.#candidates = this.#candidates.filter(isPossible);
    }
    this.#previous = unit;
  }

  /** A group ended: candidates of full length are decided, others go on only over one separator. */
  #endGroup(unit: number, found: (start: number, end: number) => void): void {
    if (this.#candidates.length === 0) return;
    const whole = this.#candidates.find((candidate) => isIban(candidate.text));
    if (whole) {
      found(whole.start, whole.end);
      this.#candidates = [];
      return;
    }
    const separator = (unit === SPACE || unit === HYPHEN) && isAlphanumeric(this.#previous);
    this.#candidates = separator ? this.#candidates.filter(({ text }) => text.length < (lengthOf(text) ?? 0)) : [];
  }
}

function lengthOf(text: string): number | undefined {
  return LENGTHS.get(text.slice(0, 2));
}

/** Two letters of a country, two digits, not longer than the country's. */
function isPossible({ text }: Candidate): boolean {
  if (text.length === 1) return true;
  const length = lengthOf(text);
  if (length === undefined || text.length > length) return false;
  return (text.length < 3 || isDigit(text.charCodeAt(2))) && (text.length < 4 || isDigit(text.charCodeAt(3)));
}

function isIban(text: string): boolean {
  return text.length === lengthOf(text) && remainder(text.slice(4) + text.slice(0, 4)) === 1;
}

/** Modulo 97, letters counting 10 to 35. */
function remainder(text: string): number {
  let rest = 0;
  for (const character of text) {
    const value = Number.parseInt(character, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest;
}
