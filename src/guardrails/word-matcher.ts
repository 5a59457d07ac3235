import { type BannedWord } from '../kernel/snapshot.js';
import { type Automaton } from './aho-corasick.js';
import { buildAutomaton } from './automaton-builder.js';
import { isExtender, isWordCharacter } from './code-point.js';
import { type NormalisedText } from './normalised-text.js';
import { type ContentSettings, type Rule, type RuleMatch, type RuleMatcher } from './rule.js';

/** Banned words, except where they stand inside an allowed text. */
export async function wordRule({ words, allow }: ContentSettings): Promise<Rule | undefined> {
  if (words.length === 0) return undefined;
  return new WordRule(await buildAutomaton([...words.map((word) => word.text), ...allow]), words);
}

export class WordRule implements Rule {
  /** @param automaton its patterns are the words' texts, then the allowed texts */
  constructor(
    readonly automaton: Automaton,
    readonly words: readonly BannedWord[],
  ) {}

  matcher(): WordMatcher {
    return new WordMatcher(this);
  }
}

/** A word that was found; whether it counts is not known yet. */
interface Candidate extends RuleMatch {
  readonly word: boolean;
}

class WordMatcher implements RuleMatcher {
  readonly #automaton: Automaton;
  readonly #allowing: boolean;
  #state = 0;
  /** Index of the next unit to read. */
  #at = 0;
  /** In the order of their ends. */
  #candidates: Candidate[] = [];

  constructor(private readonly rule: WordRule) {
    this.#automaton = rule.automaton;
    this.#allowing = rule.automaton.lengths.length > rule.words.length;
  }

  reset(): void {
    this.#state = 0;
    this.#at = 0;
    this.#candidates = [];
  }

  scan(text: NormalisedText, last: boolean, matches: RuleMatch[]): void {
    const { symbols, base, check, fail, match } = this.#automaton;
    const { units, origin, closed } = text;
    let state = this.#state;
    for (let at = this.#at - origin, end = closed - origin; at < end; at++) {
      const symbol = symbols[units[at] ?? 0] ?? 0;
      if (symbol === 0) {
        state = 0;
        continue;
      }
      let next = (base[state] ?? 0) + symbol;
      while (check[next] !== state) {
        if (state === 0) {
          next = 0;
          break;
        }
        state = fail[state] ?? 0;
        next = (base[state] ?? 0) + symbol;
      }
      state = next;
      const matched = match[state] ?? 0;
      if (matched !== 0) this.#collect(text, matched, origin + at + 1);
    }
    this.#state = state;
    this.#at = closed;
    if (this.#candidates.length !== 0) this.#decide(text, last, matches);
  }

  floor(text: NormalisedText): number {
    let floor = this.#aliveFrom(text);
    for (const { start } of this.#candidates) if (start < floor) floor = start;
    return floor;
  }

  /** Where the longest suffix that may become a pattern begins, the open segment included. */
  #aliveFrom(text: NormalisedText): number {
    const { depth, match } = this.#automaton;
    const alive = text.closed - (depth[this.#state] ?? 0);
    // With marks to come, or a character half there, anything may follow the closed units.
    if (text.unfinished || this.#mayCompose(text)) return alive;
    let state = this.#state;
    let floor = text.end;
    for (let at = text.closed; at < text.end; at++) {
      state = this.#step(state, text.unitAt(at));
      if (match[state] !== 0) floor = Math.min(floor, at + 1 - (depth[state] ?? 0));
    }
    return Math.min(floor, text.end - (depth[state] ?? 0));
  }

  #mayCompose(text: NormalisedText): boolean {
    const { composing } = this.#automaton;
    for (let at = text.closed; at < text.end; at++) {
      const unit = text.unitAt(at);
      if (unit < 0x80) {
        if (composing[unit] === 1) return true;
        continue;
      }
      // Among marks a further one may take its place before those that are there (canonical order).
      if (isExtender(text.codePointAt(at))) return true;
      const parts = String.fromCharCode(unit).normalize('NFD');
      for (let part = 0; part < parts.length; part++) if (composing[parts.charCodeAt(part)] === 1) return true;
    }
    return false;
  }

  #step(from: number, unit: number): number {
    const { symbols, base, check, fail } = this.#automaton;
    const symbol = symbols[unit] ?? 0;
    if (symbol === 0) return 0;
    for (let state = from; ; state = fail[state] ?? 0) {
      const next = (base[state] ?? 0) + symbol;
      if (check[next] === state) return next;
      if (state === 0) return 0;
    }
  }

  /** Notes every word that ends at `end`; an allowed text that ends there acquits the words inside it. */
  #collect(text: NormalisedText, matched: number, end: number): void {
    const { first, next, shorter, lengths } = this.#automaton;
    const { words } = this.rule;
    let innocentFrom = end;
    for (let state = matched; state !== 0; state = shorter[state] ?? 0) {
      for (let pattern = first[state] ?? 0; pattern !== 0; pattern = next[pattern - 1] ?? 0) {
        const start = end - (lengths[pattern - 1] ?? 0);
        const banned = words[pattern - 1];
        if (banned === undefined) innocentFrom = Math.min(innocentFrom, start);
        else if (!banned.word || !isWordCharacter(text.codePointBefore(start))) {
          this.#candidates.push({ start, end, ruleId: banned.id, action: banned.action, word: banned.word });
        }
      }
    }
    if (innocentFrom < end) this.#candidates = this.#candidates.filter((candidate) => candidate.start < innocentFrom);
  }

  /** Reports the candidates about which nothing further can be learnt. */
  #decide(text: NormalisedText, last: boolean, matches: RuleMatch[]): void {
    const alive = text.closed - (this.#automaton.depth[this.#state] ?? 0);
    const undecided: Candidate[] = [];
    for (const candidate of this.#candidates) {
      if (candidate.word && isWordCharacter(text.codePointAt(candidate.end))) continue;
      const rightUnknown = candidate.word && candidate.end === text.end;
      const maybeAllowed = this.#allowing && candidate.start >= alive;
      if (!last && (rightUnknown || maybeAllowed)) undecided.push(candidate);
      else matches.push(candidate);
    }
    this.#candidates = undecided;
  }
}
