export interface ToolCall {
  readonly id: string;
  readonly type: 'function';
  readonly function: { readonly name: string; readonly arguments: string };
}

interface JsonSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
}

interface Tool {
  readonly function?: { readonly name?: string; readonly parameters?: JsonSchema };
}

/**
 * The tool call that a simulated model makes: the named tool, else the first, whenever tools are offered
 * and the last word is the user's; arguments fit the tool's schema.
 * @returns undefined where it answers in text
 */
export function simulatedToolCalls(
  tools: readonly unknown[] | null | undefined,
  choice: unknown,
  lastRole: string | undefined,
  seed: number,
): readonly ToolCall[] | undefined {
  if (!tools?.length || choice === 'none' || lastRole !== 'user') return undefined;
  const named = (choice as { function?: { name?: string } } | undefined)?.function?.name;
  const functions = (tools as readonly Tool[]).map((tool) => tool.function);
  const picked = functions.find((tool) => tool?.name === named) ?? functions[0];
  if (!picked?.name) return undefined;
  const text = JSON.stringify(sample(picked.parameters ?? {}));
  return [{ id: `call_${seed.toString(36)}`, type: 'function', function: { name: picked.name, arguments: text } }];
}

function sample(schema: JsonSchema): unknown {
  if (schema.enum) return schema.enum[0];
  switch (schema.type) {
    case 'string':
      return 'Paris';
    case 'number':
    case 'integer':
      return 1;
    case 'boolean':
      return true;
    case 'array':
      return [];
    default: {
      const properties = schema.properties ?? {};
      const names = schema.required ?? Object.keys(properties);
      return Object.fromEntries(names.map((name) => [name, sample(properties[name] ?? { type: 'string' })]));
    }
  }
}
