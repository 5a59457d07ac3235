import { type PiiSettings, type RuleAction } from '../kernel/snapshot.js';
import { CardFinder } from './card-finder.js';
import { EmailFinder } from './email-finder.js';
import { IbanFinder } from './iban-finder.js';
import { type NormalisedText } from './normalised-text.js';
import { isAlphanumeric, type PiiFinder } from './pii-finder.js';
import { type ContentSettings, type Rule, type RuleMatch, type RuleMatcher } from './rule.js';

type PiiKind = PiiSettings['kinds'][number];

const FINDERS: Readonly<Record<PiiKind, () => PiiFinder>> = {
  email: () => new EmailFinder(),
  card: () => new CardFinder(),
  iban: () => new IbanFinder(),
};

/** E-mail addresses, card numbers and IBANs, each with its checks. Rule ids: `pii-email`, `pii-card`, `pii-iban`. */
export function piiRule({ pii }: ContentSettings): Promise<Rule | undefined> {
  const wanted = pii.enabled && pii.kinds.length > 0;
  return Promise.resolve(wanted ? { matcher: () => new PiiMatcher(pii.kinds, pii.action) } : undefined);
}

class PiiMatcher implements RuleMatcher {
  #finders: readonly PiiFinder[] = [];
  #at = 0;

  constructor(
    private readonly kinds: readonly PiiKind[],
    private readonly action: RuleAction,
  ) {
    this.reset();
  }

  reset(): void {
    this.#finders = this.kinds.map((kind) => FINDERS[kind]());
    this.#at = 0;
  }

  scan(text: NormalisedText, last: boolean, matches: RuleMatch[]): void {
    const { units, origin, closed } = text;
    this.#finders.forEach((finder, which) => {
      const ruleId = `pii-${this.kinds[which] ?? ''}`;
      const found = (start: number, end: number): void =>
        void matches.push({ start, end, ruleId, action: this.action });
      for (let at = this.#at; at < closed; at++) finder.read(units[at - origin] ?? 0, at, found);
      if (last) finder.read(-1, closed, found);
    });
    this.#at = closed;
  }

  /** The open segment waits for its end: it may begin an address or a number. */
  floor(text: NormalisedText): number {
    let floor = isAlphanumeric(text.unitAt(text.closed)) || text.unfinished ? text.closed : text.end;
    for (const { pendingFrom } of this.#finders) {
      if (pendingFrom !== undefined && pendingFrom < floor) floor = pendingFrom;
    }
    return floor;
  }
}
