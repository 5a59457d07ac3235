import { isAlias, isNode, Lexer, LineCounter, parseDocument, Parser, visit, type YAMLError } from 'yaml';
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

/** Collections inside each other, far beyond what a gateway file needs. */
const MAX_DEPTH = 200;

/**
 * The plain value of a YAML (or JSON) text. Anchors, aliases, merge keys, tags, duplicate keys and `__proto__`
 * are refused: a file says everything once, and nothing expands.
 * @throws ConfigError with line and column of each problem
 */
export function parseYaml(text: string): unknown {
  if (text.trim() === '') throw new ConfigError(['file: found an empty file, expected a gateway configuration']);
  if (nestsTooDeeply(text)) throw new ConfigError(['file: nested too deeply']);
  const lines = new LineCounter();
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `line ${line}, column ${col}`;
  };
  const document = parseDocument(text, { prettyErrors: false, lineCounter: lines, stringKeys: true });
  const problems = [...document.errors, ...document.warnings].map(
    (error) => `${at(error.pos[0])}: ${SENTENCES[error.code] ?? 'not valid YAML'}`,
  );
  if (problems.length === 0) problems.push(...forbiddenParts(document, at));
  if (problems.length > 0) throw new ConfigError([...new Set(problems)]);
  return document.toJS({ maxAliasCount: 0 });
}

/**
 * What composes a document calls itself for each level. Near the end of the stack that is no RangeError alone: V8 ends
 * the process where it has to compile a regular expression there. The parser below it keeps a list instead.
 */
function nestsTooDeeply(text: string): boolean {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    // Its tokens are of no interest here.
    Array.from(parser.next(lexeme));
    if (parser.stack.length > MAX_DEPTH) return true;
  }
  return false;
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
