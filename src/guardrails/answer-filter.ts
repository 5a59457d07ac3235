import { type OutputLimits } from '../kernel/snapshot.js';
import { jsonText } from '../kernel/json-text.js';
import { type PlainAnswer, plainAnswerOf } from '../kernel/plain-answer.js';
import { UpstreamFailure } from '../kernel/upstream.js';
import { ChoiceFilter } from './choice-filter.js';
import { dropLogprobs } from './chunk-filter.js';
import { type ReportHit, type Rule } from './rule.js';
import { isObject, type JsonObject, mapTexts } from './text-fields.js';

/**
 * The guardrails of a plain answer: each choice's text up to the match or the bound, its finish_reason set.
 * Usage stays as it is: what was generated is charged.
 * @returns the same answer where nothing changes
 * @throws UpstreamFailure malformed, where the answer is no JSON object
 */
export function filterAnswer(
  json: PlainAnswer,
  rules: readonly Rule[],
  limits: OutputLimits,
  report: ReportHit,
): PlainAnswer {
  const answer = parse(json);
  if (!Array.isArray(answer.choices)) return json;
  let changed = false;
  for (const [place, choice] of (answer.choices as unknown[]).entries()) {
    if (!isObject(choice) || !isObject(choice.message)) continue;
    const index = typeof choice.index === 'number' ? choice.index : place;
    // One answer is no stream of deltas: its tokens are bounded by the reported usage instead.
    const characters = smaller(limits.maxCharacters, charactersWithin(answer, choice.message, limits.maxTokens));
    const filter = new ChoiceFilter(index, rules, { maxCharacters: characters, maxTokens: undefined }, report);
    changed = filterChoice(choice, choice.message, filter) || changed;
    if (rules.length > 0) changed = dropLogprobs(choice) || changed;
  }
  return changed ? plainAnswerOf(jsonText(answer)) : json;
}

function filterChoice(choice: JsonObject, message: JsonObject, filter: ChoiceFilter): boolean {
  const changed = filter.filterWhole(message);
  if (filter.endedBy) choice.finish_reason = filter.endedBy;
  return changed || filter.endedBy !== undefined;
}

/** The share of a choice's characters that the bound pays for, where the upstream generated more tokens than that. */
function charactersWithin(answer: JsonObject, message: JsonObject, maxTokens: number | undefined): number | undefined {
  const used = isObject(answer.usage) ? answer.usage.completion_tokens : undefined;
  if (maxTokens === undefined || typeof used !== 'number' || !Array.isArray(answer.choices)) return undefined;
  const allowed = maxTokens * answer.choices.length;
  if (used <= allowed) return undefined;
  let characters = 0;
  mapTexts(message, (_path, text) => {
    characters += Array.from(text).length;
    return text;
  });
  return Math.floor((characters * allowed) / used);
}

function smaller(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);
}

function parse(json: PlainAnswer): JsonObject {
  let answer: unknown;
  try {
    answer = JSON.parse(json.toString());
  } catch (cause) {
    throw new UpstreamFailure('fault', 'malformed', 'elsewhere', { cause });
  }
  if (!isObject(answer)) throw new UpstreamFailure('fault', 'malformed', 'elsewhere');
  return answer;
}
