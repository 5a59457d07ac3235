import { type RuleAction } from '../kernel/snapshot.js';
import { Normaliser } from './normaliser.js';
import { type Rule, type RuleMatch, type RuleMatcher } from './rule.js';

/** A match in the text as it was written: UTF-16 offsets, `end` exclusive. */
export interface SourceMatch {
  readonly start: number;
  readonly end: number;
  readonly ruleId: string;
  readonly action: RuleAction;
}

/** In the order of their places; of matches at one place, one that blocks is the first. */
export function byPlace(one: SourceMatch, other: SourceMatch): number {
  return (
    one.start - other.start || Number(other.action === 'block') - Number(one.action === 'block') || one.end - other.end
  );
}

/** Runs all rules over one text that arrives in pieces. How it is cut into pieces changes nothing. */
export class FieldScanner {
  /** Matches not taken yet by the caller, who empties it. */
  readonly matches: SourceMatch[] = [];
  /** Source offset before which no further match can begin. */
  floor = 0;
  readonly #normaliser = new Normaliser();
  readonly #matchers: readonly RuleMatcher[];
  readonly #found: RuleMatch[] = [];

  constructor(rules: readonly Rule[]) {
    this.#matchers = rules.map((rule) => rule.matcher());
  }

  /** Source offset up to which the text has been taken; half a surrogate pair at its end is not. */
  get consumed(): number {
    return this.#normaliser.text.consumed;
  }

  /** Another text begins. */
  reset(): void {
    this.#normaliser.reset();
    for (const matcher of this.#matchers) matcher.reset();
    this.matches.length = this.#found.length = 0;
    this.floor = 0;
  }

  /** Takes `source` from `from` to before `to`. */
  push(source: string, from = 0, to = source.length): void {
    this.#normaliser.push(source, from, to);
    this.#scan(false);
  }

  /** The text ends: every match is known. */
  finish(): void {
    this.#normaliser.finish();
    this.#scan(true);
  }

  #scan(last: boolean): void {
    const { text } = this.#normaliser;
    let floor = text.end;
    for (const matcher of this.#matchers) {
      matcher.scan(text, last, this.#found);
      const own = last ? text.end : matcher.floor(text);
      if (own < floor) floor = own;
    }
    if (this.#found.length > 0) {
      for (const { start, end, ruleId, action } of this.#found) {
        this.matches.push({ start: text.sourceStart(start), end: text.sourceEnd(end), ruleId, action });
      }
      this.#found.length = 0;
    }
    this.floor = text.sourceStart(floor);
    text.forget(Math.min(floor, text.closed));
  }
}
