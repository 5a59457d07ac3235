import { type Target } from '../../kernel/snapshot.js';
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
 * Reads a plain chat.completion; its bytes leave as they came unless the model's name is missing or none.
 * @throws UpstreamFailure for an error object, or for anything that is not a chat completion
 */
export function decodeChatCompletion(body: Buffer, target: Target): DecodedAnswer {
  const answer = parse(body);
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
  const json =
    facts.model === model ? body : Buffer.from(JSON.stringify({ ...(answer as object), model: facts.model }));
  return { facts, json };
}

function parse(body: Buffer): unknown {
  try {
    const answer: unknown = JSON.parse(body.toString());
    if (typeof answer === 'object' && answer !== null) return answer;
  } catch {
    // Falls through: HTML, a cut body and a bare value are all the same to the caller.
  }
  throw malformed();
}

function malformed(): UpstreamFailure {
  return new UpstreamFailure('fault', 'malformed', 'elsewhere');
}
