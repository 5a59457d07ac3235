import { type z } from 'zod';
import { nearestKey } from './nearest-key.js';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** Members whose value must never be shown, whatever is wrong with it. */
const SECRET_MEMBERS: ReadonlySet<PropertyKey> = new Set(['secret', 'digest', 'digests', 'apiKey', 'baseUrl']);
const LONGEST_SHOWN = 40;

/** `providers[1].timeouts.idleMs`. */
export function pathText(path: Path): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += text === '' ? String(part) : `.${String(part)}`;
  }
  return text === '' ? 'file' : text;
}

/** One line per problem: the path, what was found there, what is allowed. */
export function schemaProblems(schema: z.ZodType, value: unknown, issues: readonly Issue[]): string[] {
  return issues.flatMap((issue) => issueLines(schema, value, issue, []));
}

function issueLines(schema: z.ZodType, root: unknown, issue: Issue, base: Path): string[] {
  const path = [...base, ...issue.path];
  const where = pathText(path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(
      (key) => `${pathText([...path, shownKey(key)])}: ${unknownKey(key, knownKeys(schema, path))}`,
    );
  }
  if (issue.code === 'invalid_union') {
    const branch = meantBranch(issue.errors);
    if (branch !== undefined) return branch.flatMap((inner) => issueLines(schema, root, inner, path));
  }
  const found = valueAt(root, path);
  if (found === undefined) return [`${where}: missing, expected ${allowed(issue)}`];
  return [`${where}: found ${shown(found, path, issue)}, expected ${allowed(issue)}`];
}

/** The branch of a union whose type fits, if any: its problems say more than "neither". */
function meantBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  return branches.find((issues) => !issues.some((issue) => issue.code === 'invalid_type' && issue.path.length === 0));
}

/** A key that is no name may be a value that ran into it: `secret:abc` without a space is one key. */
function shownKey(key: string): string {
  const name = /^[\w.-]{0,40}/.exec(key)?.[0] ?? '';
  return name === key ? key : `${name}…`;
}

function unknownKey(key: string, known: readonly string[]): string {
  const nearest = nearestKey(key, known);
  return nearest === undefined
    ? `unknown key, allowed are ${known.join(', ')}`
    : `unknown key, did you mean "${nearest}"?`;
}

function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}

/** Strings are shown only where a name, a number or a word of a list belongs, so that a misplaced secret stays unseen. */
function shown(value: unknown, path: Path, issue: Issue): string {
  if (path.some((part) => SECRET_MEMBERS.has(part))) return `${typeName(value)} (not shown)`;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string' && isWordExpected(issue) && value.length <= LONGEST_SHOWN) return JSON.stringify(value);
  return typeName(value);
}

function isWordExpected(issue: Issue): boolean {
  if (issue.code === 'invalid_type') return issue.expected === 'number' || issue.expected === 'boolean';
  return (
    issue.code === 'invalid_value' || issue.code === 'invalid_format' || issue.code === 'custom' || isUnknownWord(issue)
  );
}

/** The word that tells the branches of a union apart is none of theirs. */
function isUnknownWord(issue: Issue): boolean {
  return issue.code === 'invalid_union' && issue.errors.length === 0;
}

function typeName(value: unknown): string {
  if (value === null) return 'nothing (null)';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  return `a ${typeof value}`;
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
  int: 'an integer',
  number: 'a number',
  string: 'a string',
  boolean: 'true or false',
};

function allowed(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return TYPE_NAMES[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return issue.values.length === 1 ? String(issue.values[0]) : `one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return `at least ${issue.minimum}${unit(issue.origin)}`;
    case 'too_big':
      return `at most ${issue.maximum}${unit(issue.origin)}`;
    case 'invalid_union':
      return isUnknownWord(issue) ? issue.message : unionTypes(issue.errors);
    case 'invalid_format':
    case 'custom':
    case 'not_multiple_of':
    case 'unrecognized_keys':
    case 'invalid_key':
    case 'invalid_element':
      return issue.message;
  }
}

function unit(origin: string): string {
  if (origin === 'string') return ' characters';
  return origin === 'array' ? ' entries' : '';
}

function unionTypes(branches: readonly (readonly Issue[])[]): string {
  const names = branches.flatMap((issues) => issues.filter((issue) => issue.path.length === 0).map(allowed));
  return [...new Set(names)].join(' or ');
}

/** The keys that the schema knows at a path: wrappers (default, optional, union) are looked through. */
function knownKeys(schema: z.ZodType, path: Path): string[] {
  let current: readonly Definition[] = unwrap(schema);
  for (const part of path) {
    current = current.flatMap((type) => {
      const child = typeof part === 'number' ? type.element : type.shape?.[String(part)];
      return child === undefined ? [] : unwrap(child);
    });
  }
  return current.flatMap((type) => Object.keys(type.shape ?? {}));
}

interface Definition {
  readonly element?: z.core.$ZodType;
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
  readonly innerType?: z.core.$ZodType;
  readonly options?: readonly z.core.$ZodType[];
}

function unwrap(schema: z.core.$ZodType): Definition[] {
  const definition = schema._zod.def as Definition;
  if (definition.innerType !== undefined) return unwrap(definition.innerType);
  if (definition.options !== undefined) return definition.options.flatMap(unwrap);
  return [definition];
}
