import { isAlias, isNode, LineCounter, parseDocument, visit, type YAMLError } from 'yaml';
import { ConfigError } from './config-error.js';

/** Own words per error code: the parser's messages quote the source, and that may be a secret. */
const SENTENCES: Partial<Record<YAMLError['code'], string>> = {
  DUPLICATE_KEY: 'the key is there twice in one mapping',
  MULTIPLE_DOCS: 'more than one YAML document; allowed is one',
  TAB_AS_INDENT: 'indented with a tab; allowed are spaces',
  BAD_INDENT: 'wrong indentation, or a bracket is not closed',
  MISSING_CHAR: 'a quote, bracket or comma is missing',
  NON_STRING_KEY: 'a key is not a string',
  TAG_RESOLVE_FAILED: 'unknown tag; allowed are plain YAML values',
};

/**
 * The plain value of a YAML (or JSON) text. Anchors, aliases, merge keys, tags, duplicate keys and `__proto__`
 * are refused: a file says everything once, and nothing expands.
 * @throws ConfigError with line and column of each problem
 */
export function parseYaml(text: string): unknown {
  if (text.trim() === '') throw new ConfigError(['file: found an empty file, expected a gateway configuration']);
  const lines = new LineCounter();
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `line ${line}, column ${col}`;
  };
  try {
    const document = parseDocument(text, { prettyErrors: false, lineCounter: lines, stringKeys: true });
    const problems = [...document.errors, ...document.warnings].map(
      (error) => `${at(error.pos[0])}: ${SENTENCES[error.code] ?? 'not valid YAML'}`,
    );
    if (problems.length === 0) problems.push(...forbiddenParts(document, at));
    if (problems.length > 0) throw new ConfigError([...new Set(problems)]);
    return document.toJS({ maxAliasCount: 0 });
  } catch (error) {
    // Nesting beyond the stack ends in a RangeError of the parser.
    if (error instanceof RangeError) throw new ConfigError(['file: nested too deeply']);
    throw error;
  }
}

function forbiddenParts(document: ReturnType<typeof parseDocument>, at: (offset: number) => string): string[] {
  const problems: string[] = [];
  visit(document, {
    Node: (_key, node) => {
      const start = node.range?.[0] ?? 0;
      if (isAlias(node) || node.anchor !== undefined) {
        problems.push(`${at(start)}: anchors and aliases are not allowed`);
      } else if (node.tag !== undefined && !/^tag:yaml\.org,2002:(map|seq|str|int|float|bool|null)$/.test(node.tag)) {
        problems.push(`${at(start)}: unknown tag; allowed are plain YAML values`);
      }
    },
    Pair: (_key, pair) => {
      const key = isNode(pair.key) ? pair.key : undefined;
      const name = key?.toJSON() as unknown;
      const start = key?.range?.[0] ?? 0;
      if (name === '__proto__') problems.push(`${at(start)}: the key __proto__ is not allowed`);
      if (name === '<<') problems.push(`${at(start)}: merge keys are not allowed`);
    },
  });
  return problems;
}
