type Schema = Readonly<Record<string, unknown>>;

/**
 * A zod-made JSON Schema for the compiled validator: `anyOf [X, null]` becomes a list of types where it can, so that
 * an error names the one thing that is wrong instead of every branch.
 */
export function validatorSchema(schema: unknown): Record<string, unknown> {
  return simplify(schema) as Record<string, unknown>;
}

function simplify(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(simplify);
  if (typeof value !== 'object' || value === null) return value;
  const schema = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, simplify(inner)]));
  return nullable(schema) ?? schema;
}

function nullable(schema: Schema): Schema | undefined {
  const branches = schema['anyOf'];
  if (!Array.isArray(branches) || branches.length !== 2) return undefined;
  const [type, none] = branches as [Schema, Schema];
  if (none['type'] !== 'null' || typeof type['type'] !== 'string') return undefined;
  const choices = type['enum'];
  return {
    ...type,
    type: [type['type'], 'null'],
    ...(Array.isArray(choices) && { enum: [...(choices as unknown[]), null] }),
  };
}
