/** A JSON object of an answer, parsed and not checked. */
export type JsonObject = Record<string, unknown>;

/** The members of a delta or message that are text a caller reads. */
const PLAIN = ['reasoning_content', 'reasoning', 'content', 'refusal'] as const;

/** @returns the text to put in the place of `text` */
export type VisitText = (path: string, text: string) => string;

/**
 * Replaces every text of a delta or message: content (also as parts), reasoning, refusal, and the arguments of
 * tool calls. Tool calls go by their `index`, else by their place.
 * @returns whether anything changed
 */
export function mapTexts(holder: JsonObject, visit: VisitText): boolean {
  let changed = false;
  for (const name of PLAIN) {
    const value = holder[name];
    if (typeof value === 'string') changed = mapMember(holder, name, name, visit) || changed;
    else if (Array.isArray(value)) {
      for (const part of value) changed = (isObject(part) && mapMember(part, 'text', name, visit)) || changed;
    }
  }
  if (isObject(holder.function_call)) {
    changed = mapMember(holder.function_call, 'arguments', 'function_call.arguments', visit) || changed;
  }
  if (isObject(holder.audio)) changed = mapMember(holder.audio, 'transcript', 'audio.transcript', visit) || changed;
  if (!Array.isArray(holder.tool_calls)) return changed;
  holder.tool_calls.forEach((call: unknown, place) => {
    if (!isObject(call)) return;
    const path = `tool_calls[${toolIndex(call, place)}]`;
    if (isObject(call.function)) {
      changed = mapMember(call.function, 'arguments', `${path}.function.arguments`, visit) || changed;
    }
    if (isObject(call.custom)) changed = mapMember(call.custom, 'input', `${path}.custom.input`, visit) || changed;
  });
  return changed;
}

/** Adds text to the end of the field at a path of a delta, which `mapTexts` named. */
export function appendText(delta: JsonObject, path: string, text: string): void {
  const [, index, kind, member] = /^tool_calls\[(\d+)\]\.(\w+)\.(\w+)$/.exec(path) ?? [];
  if (index !== undefined && kind !== undefined && member !== undefined) {
    const calls = (delta.tool_calls ??= []) as unknown[];
    let call = calls.filter(isObject).find((entry, place) => toolIndex(entry, place) === Number(index));
    if (call === undefined) calls.push((call = { index: Number(index) }));
    append((call[kind] ??= {}) as JsonObject, member, text);
    return;
  }
  const [holder = '', inner] = path.split('.');
  if (inner === undefined) append(delta, holder, text);
  else append((delta[holder] ??= {}) as JsonObject, inner, text);
}

/** Nothing is in the delta that a caller could use: emptied texts count as nothing. */
export function isEmptyDelta(delta: JsonObject): boolean {
  return Object.values(delta).every(
    (value) =>
      value === null ||
      value === '' ||
      (Array.isArray(value) && value.every((entry) => isObject(entry) && isEmptyCall(entry))) ||
      (isObject(value) && isEmptyDelta(value)),
  );
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A tool call without an id or name only continues: without arguments it says nothing. */
function isEmptyCall({ index: _index, type: _type, ...rest }: JsonObject): boolean {
  return isEmptyDelta(rest);
}

function mapMember(holder: JsonObject, name: string, path: string, visit: VisitText): boolean {
  const text = holder[name];
  if (typeof text !== 'string') return false;
  const kept = visit(path, text);
  if (kept === text) return false;
  holder[name] = kept;
  return true;
}

function append(holder: JsonObject, name: string, text: string): void {
  const before = holder[name];
  if (Array.isArray(before)) before.push({ type: 'text', text });
  else holder[name] = typeof before === 'string' ? before + text : text;
}

function toolIndex(call: JsonObject, place: number): number {
  return typeof call.index === 'number' ? call.index : place;
}
