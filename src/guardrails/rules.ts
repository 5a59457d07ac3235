import { piiRule } from './pii-rule.js';
import { type ContentSettings, type Rule, type RuleFactory } from './rule.js';
import { wordRule } from './word-matcher.js';

/** Every rule there is: a new one is its file and its entry here. */
const RULES: readonly RuleFactory[] = [wordRule, piiRule];

/** The rules that some settings ask for; none: leave the text alone. Long word lists are built in a worker. */
export async function buildRules(settings: ContentSettings): Promise<readonly Rule[]> {
  const rules = await Promise.all(RULES.map((build) => build(settings)));
  return rules.filter((rule) => rule !== undefined);
}
