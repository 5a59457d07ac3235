import { plainAnswerOf, SHORT_ANSWER_BYTES } from '../../kernel/plain-answer.js';
import { type Target } from '../../kernel/snapshot.js';
import { textOfBytes } from '../../kernel/text-of-bytes.js';
import { TextSample } from '../../kernel/text-sample.js';
import { AnswerFacts, type DecodedAnswer, UpstreamFailure } from '../../kernel/upstream.js';
import { countTexts } from '../answer-text.js';
import { MAX_CHOICES, MAX_NAME } from './openai-decoder.js';
import { errorInAnswer } from './openai-error.js';
import { readUsage } from './openai-usage.js';

interface Choice {
  readonly finish_reason?: unknown;
  readonly message?: object | null;
}

/**
 * Reads a plain chat.completion, which leaves as it came unless the model's name is missing or none (and what is no UTF-8 in
 * a short one, which becomes U+FFFD).
 * @throws UpstreamFailure for an error object, or for anything that is not a chat completion
 */
export function decodeChatCompletion(body: Buffer, target: Target): DecodedAnswer {
  const text = textOfBytes(body);
  const answer = parse(text);
  const failure = errorInAnswer(answer);
  if (failure) throw failure;
  const { choices, usage, model } = answer as { choices?: unknown; usage?: unknown; model?: unknown };
  if (!Array.isArray(choices) || choices.length === 0 || choices.length > MAX_CHOICES) throw malformed();
  const facts = new AnswerFacts();
  if (target.provider.tokenizer) facts.sample = new TextSample();
  for (const choice of choices as (Choice | null)[]) {
    if (typeof choice?.message !== 'object' || choice.message === null) throw malformed();
    facts.finished.add(facts.finished.size);
    if (typeof choice.finish_reason === 'string') facts.finishReason = choice.finish_reason.slice(0, MAX_NAME);
    countTexts(choice.message, facts);
  }
  facts.content = facts.done = true;
  facts.deltas = choices.length;
  facts.usage = readUsage(usage);
  const named = typeof model === 'string' && model !== '' && model.length <= MAX_NAME;
  facts.model = named ? model : target.model;
  if (facts.model !== model) return { facts, json: plainAnswerOf(JSON.stringify({ ...answer, model: facts.model })) };
  return { facts, json: body.length <= SHORT_ANSWER_BYTES ? text : body };
}

function parse(text: string): object {
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer === 'object' && answer !== null) return answer;
  } catch {
    // Falls through: HTML, a cut body and a bare value are all the same to the caller.
  }
  throw malformed();
}

function malformed(): UpstreamFailure {
  return new UpstreamFailure('fault', 'malformed', 'elsewhere');
}
