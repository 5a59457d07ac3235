import { type PiiSettings, type BannedWord, type RuleAction } from '../kernel/snapshot.js';
import { type NormalisedText } from './normalised-text.js';

/** What the rules of one direction, prompts or answers, are built from. */
export interface ContentSettings {
  readonly words: readonly BannedWord[];
  readonly allow: readonly string[];
  readonly pii: PiiSettings;
}

/** A place in the text that a rule objects to; indexes count normalised units, `end` exclusive. */
export interface RuleMatch {
  readonly start: number;
  readonly end: number;
  readonly ruleId: string;
  readonly action: RuleAction;
}

/** The state of one rule on one text that arrives in pieces. */
export interface RuleMatcher {
  /**
   * Reads the closed units that it has not read yet and appends the matches that nothing can undo any more.
   * Where no more text follows, all units are closed and `last` is true.
   */
  scan(text: NormalisedText, last: boolean, matches: RuleMatch[]): void;
  /** The first index where a match that is not reported yet may begin: all before it may leave. */
  floor(text: NormalisedText): number;
  /** Forgets the text: another begins. */
  reset(): void;
}

/** A configured rule: immutable, shared by all requests of a snapshot. */
export interface Rule {
  matcher(): RuleMatcher;
}

/** Builds a rule; undefined where the settings do not ask for it. */
export type RuleFactory = (settings: ContentSettings) => Promise<Rule | undefined>;

/** One rule that acted, for metrics and logs: where, never what. */
export interface GuardrailHit {
  readonly ruleId: string;
  readonly action: RuleAction;
  readonly direction: 'input' | 'output';
  /** A path in the message: `messages[2].content`, `choices[0].reasoning_content`. */
  readonly field: string;
  /** UTF-16 units from the beginning of the field. */
  readonly offset: number;
}

export type ReportHit = (hit: GuardrailHit) => void;
