import { type Target } from '../../kernel/snapshot.js';
import { TextSample } from '../../kernel/text-sample.js';
import { AnswerFacts, type DecodedAnswer, UpstreamFailure } from '../../kernel/upstream.js';
import { errorInAnswer } from './openai-error.js';
import { readUsage } from './openai-usage.js';

interface Choice {
  readonly index?: number;
  readonly finish_reason?: string | null;
  readonly message?: { readonly content?: unknown; readonly tool_calls?: unknown } | null;
}

/**
 * Reads a plain chat.completion; its bytes leave as they came unless the model's name is missing.
 * @throws UpstreamFailure for an error object, or for anything that is not a chat completion
 */
export function decodeChatCompletion(body: Buffer, target: Target): DecodedAnswer {
  const answer = parse(body);
  const failure = errorInAnswer(answer);
  if (failure) throw failure;
  const { choices, usage, model } = answer as { choices?: unknown; usage?: unknown; model?: unknown };
  if (!Array.isArray(choices) || choices.length === 0) throw malformed();
  const facts = new AnswerFacts();
  for (const choice of choices as (Choice | null)[]) {
    if (typeof choice?.message !== 'object' || choice.message === null) throw malformed();
    facts.finished.add(choice.index ?? facts.finished.size);
    facts.finishReason = choice.finish_reason ?? facts.finishReason;
    facts.characters += typeof choice.message.content === 'string' ? choice.message.content.length : 0;
    if (choice.message.tool_calls) facts.characters += JSON.stringify(choice.message.tool_calls).length;
  }
  if (target.provider.tokenizer) facts.sample = sampleOf(choices as Choice[]);
  facts.content = facts.done = true;
  facts.deltas = choices.length;
  facts.usage = readUsage(usage);
  facts.model = typeof model === 'string' && model !== '' ? model : target.model;
  const json =
    facts.model === model ? body : Buffer.from(JSON.stringify({ ...(answer as object), model: facts.model }));
  return { facts, json };
}

function sampleOf(choices: readonly Choice[]): TextSample {
  const sample = new TextSample();
  for (const { message } of choices) {
    if (typeof message?.content === 'string') sample.add(message.content);
    if (message?.tool_calls) sample.add(JSON.stringify(message.tool_calls));
  }
  return sample;
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
