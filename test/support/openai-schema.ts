import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** OpenAI's own API description, where this machine has it; it is not part of the project. */
const FILE = join(import.meta.dirname, '..', '..', '..', 'shared', 'fixtures', 'openai-chat.schema.json');

type Json = Readonly<Record<string, unknown>>;

/** What the gateway answers with. */
export type AnswerKind = 'CreateChatCompletionResponse' | 'CreateChatCompletionStreamResponse' | 'ErrorResponse';

/**
 * OpenAI's schemas, lenient on nulls: engines send null where OpenAI leaves a member out, and leave out what
 * OpenAI sends as null.
 */
export class OpenAiSchema {
  readonly #types = new Map<AnswerKind, z.ZodType>();

  private constructor(private readonly definitions: Json) {}

  /** @returns undefined where the description is absent */
  static find(): OpenAiSchema | undefined {
    if (!existsSync(FILE)) return undefined;
    const { $defs } = lenient(JSON.parse(readFileSync(FILE, 'utf8'))) as { $defs: Json };
    return new OpenAiSchema($defs);
  }

  /** What is wrong with a value, in words; none = valid. */
  problems(kind: AnswerKind, value: unknown): readonly string[] {
    const result = this.#type(kind).safeParse(withoutNulls(value));
    return result.error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];
  }

  #type(kind: AnswerKind): z.ZodType {
    const known = this.#types.get(kind);
    if (known) return known;
    const type = z.fromJSONSchema({ ...(this.definitions[kind] as Json), $defs: this.definitions as never });
    this.#types.set(kind, type);
    return type;
  }
}

/** The schema with nothing required that may be null. */
function lenient(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(lenient);
  if (typeof schema !== 'object' || schema === null) return schema;
  const copy = Object.fromEntries(Object.entries(schema).map(([key, inner]) => [key, lenient(inner)]));
  const { required, properties } = copy as { required?: unknown; properties?: Record<string, Json> };
  if (!Array.isArray(required) || !properties) return copy;
  return { ...copy, required: (required as string[]).filter((name) => !nullable(properties[name])) };
}

function nullable(schema: Json | undefined): boolean {
  const branches = [schema?.anyOf ?? schema?.oneOf ?? []].flat() as Json[];
  return [schema?.type].flat().includes('null') || branches.some(nullable);
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).filter(([, inner]) => inner !== null);
  return Object.fromEntries(members.map(([name, inner]) => [name, withoutNulls(inner)]));
}
