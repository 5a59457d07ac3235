import { type ChatRequestBody } from '../../kernel/openai.js';
import { type DroppedParams } from './dropped-params.js';

type Json = Readonly<Record<string, unknown>>;

interface FunctionSpec {
  readonly name?: unknown;
  readonly description?: unknown;
  readonly parameters?: unknown;
  readonly strict?: unknown;
}

export interface ToolMembers {
  readonly tools?: readonly Json[];
  readonly tool_choice?: Json;
}

/** The caller speaks the older API, which knows `functions` only, and expects `function_call` back. */
export function usesFunctions(body: ChatRequestBody): boolean {
  return body.functions != null && body.tools == null;
}

/** Tools and how they may be chosen. The API refuses a choice where there are no tools. */
export function toToolMembers(body: ChatRequestBody, dropped: DroppedParams): ToolMembers {
  const legacy = usesFunctions(body);
  if (!legacy && body.functions != null) dropped.add('functions');
  if (!legacy && body.function_call != null) dropped.add('function_call');
  const tools = legacy ? (body.functions ?? []).map(toTool) : toTools(body.tools ?? [], dropped);
  const choiceName = legacy ? 'function_call' : 'tool_choice';
  const wanted = body[choiceName];
  if (tools.length === 0) {
    if (wanted != null && wanted !== 'none' && wanted !== 'auto') dropped.add(choiceName);
    return {};
  }
  const choice = wanted == null ? undefined : toChoice(wanted);
  if (wanted != null && !choice) dropped.add(choiceName);
  const single = legacy || body.parallel_tool_calls === false;
  if (!single || choice?.type === 'none') return { tools, ...(choice && { tool_choice: choice }) };
  return { tools, tool_choice: { ...(choice ?? { type: 'auto' }), disable_parallel_tool_use: true } };
}

function toTools(tools: NonNullable<ChatRequestBody['tools']>, dropped: DroppedParams): Json[] {
  const taken: Json[] = [];
  for (const tool of tools) {
    const spec = tool.function;
    if (tool.type === 'function' && typeof spec === 'object' && spec !== null) taken.push(toTool(spec));
    else dropped.add(`tools.${tool.type}`);
  }
  return taken;
}

function toTool({ name, description, parameters, strict }: FunctionSpec): Json {
  return {
    name,
    ...(typeof description === 'string' && { description }),
    input_schema: parameters ?? { type: 'object', properties: {} },
    ...(strict === true && { strict }),
  };
}

/** undefined = cannot be said in this API. */
function toChoice(choice: string | Json): Json | undefined {
  if (choice === 'none' || choice === 'auto') return { type: choice };
  if (choice === 'required') return { type: 'any' };
  if (typeof choice === 'string') return undefined;
  const named = choice.type === 'function' ? (choice.function as Json | null | undefined) : choice;
  return typeof named?.name === 'string' ? { type: 'tool', name: named.name } : undefined;
}
