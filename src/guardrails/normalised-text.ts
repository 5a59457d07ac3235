import { isHighSurrogate, isLowSurrogate, joinSurrogates } from './code-point.js';

const INITIAL_CAPACITY = 128;
/** Units kept before the first that anybody needs: a surrogate pair tells what stands left of a word. */
const LEFT_CONTEXT = 2;
/** Dropped units are moved out in batches of this size. */
const COMPACTION = 2048;

/**
 * A window on normalised text: its UTF-16 units, and for each the offset in the source where it came from.
 * Indexes count units since the beginning of the text and stay valid while the window moves.
 */
export class NormalisedText {
  units = new Uint16Array(INITIAL_CAPACITY);
  /** Source offset, in UTF-16 units, of the segment that a unit came from. */
  starts = new Int32Array(INITIAL_CAPACITY);
  /** Index of `units[0]`. */
  origin = 0;
  /** Units before this index are final. */
  closed = 0;
  /** Units from `closed` to here are final unless a mark follows. */
  end = 0;
  /** Source offset up to which everything has become units. */
  consumed = 0;
  /** The source ends in the first half of a surrogate pair. */
  unfinished = false;

  reset(): void {
    this.origin = this.closed = this.end = this.consumed = 0;
    this.unfinished = false;
  }

  /** The unit at an index; -1 outside the window. */
  unitAt(index: number): number {
    return index < this.origin || index >= this.end ? -1 : (this.units[index - this.origin] ?? -1);
  }

  /** The code point that begins at an index; -1 where the text ends. */
  codePointAt(index: number): number {
    const unit = this.unitAt(index);
    const next = this.unitAt(index + 1);
    return isHighSurrogate(unit) && isLowSurrogate(next) ? joinSurrogates(unit, next) : unit;
  }

  /** The code point that ends before an index; -1 where the text begins. */
  codePointBefore(index: number): number {
    const unit = this.unitAt(index - 1);
    const before = this.unitAt(index - 2);
    return isLowSurrogate(unit) && isHighSurrogate(before) ? joinSurrogates(before, unit) : unit;
  }

  /** Where the source of the unit at an index begins. */
  sourceStart(index: number): number {
    return index < this.end ? (this.starts[index - this.origin] ?? this.consumed) : this.consumed;
  }

  /** Where the source of the unit before an index ends, with the invisible characters behind it. */
  sourceEnd(index: number): number {
    const own = this.sourceStart(index - 1);
    let next = index;
    while (next < this.end && this.sourceStart(next) === own) next++;
    return this.sourceStart(next);
  }

  /** Makes room for `more` further units. */
  reserve(more: number): void {
    const needed = this.end - this.origin + more;
    if (needed <= this.units.length) return;
    const capacity = Math.max(needed, this.units.length * 2);
    const { units, starts } = this;
    this.units = new Uint16Array(capacity);
    this.units.set(units);
    this.starts = new Int32Array(capacity);
    this.starts.set(starts);
  }

  /** Forgets the units before an index, which nobody will ask for again. */
  forget(before: number): void {
    const drop = before - LEFT_CONTEXT - this.origin;
    if (drop < COMPACTION) return;
    this.units.copyWithin(0, drop, this.end - this.origin);
    this.starts.copyWithin(0, drop, this.end - this.origin);
    this.origin += drop;
  }
}
