/** Looks for one kind of personal data in normalised text, unit by unit, with a bounded memory. */
export interface PiiFinder {
  /** Reads the unit at an index; -1 is the end of the text. Calls `found` for what nothing can change any more. */
  read(unit: number, index: number, found: (start: number, end: number) => void): void;
  /** Where the data that may be on its way begins; undefined = none is. */
  readonly pendingFrom: number | undefined;
}

/** An ASCII letter; normalised text has small ones only. */
export function isLetter(unit: number): boolean {
  return unit >= 0x61 && unit <= 0x7a;
}

export function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}

export function isAlphanumeric(unit: number): boolean {
  return isLetter(unit) || isDigit(unit);
}
