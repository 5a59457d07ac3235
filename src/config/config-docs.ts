import { z } from 'zod';
import { DESCRIPTIONS, Environment } from './env.js';
import { gatewayConfigSchema } from './gateway-config.schema.js';

/** What this generator reads of a JSON Schema. */
interface Node {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
}

/** JSON Schema of the gateway file, for editors. */
export function gatewayJsonSchema(): string {
  const schema = z.toJSONSchema(gatewayConfigSchema, { io: 'input' });
  return `${JSON.stringify({ title: 'Gateway configuration', ...schema }, null, 2)}\n`;
}

/** docs/CONFIGURATION.md: every key and every environment variable with type, default and meaning. */
export function configurationMarkdown(): string {
  const root = JSON.parse(gatewayJsonSchema()) as Node;
  const sections = Object.entries(root.properties ?? {}).filter(([, node]) => membersOf(node) !== undefined);
  const plain = Object.entries(root.properties ?? {}).filter(([, node]) => membersOf(node) === undefined);
  const lines = [
    ...INTRODUCTION,
    '## Environment',
    '',
    ...table(['variable', 'default', 'meaning'], environmentRows()),
    '## The gateway file',
    '',
    ...table(
      KEY_HEAD,
      plain.map(([name, node]) => row(name, node, root.required?.includes(name) === true)),
    ),
  ];
  for (const [name, node] of sections) {
    lines.push(`### ${name}`, '', `${node.description ?? ''}.`, '', ...table(KEY_HEAD, rows(name, node)));
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

const KEY_HEAD = ['key', 'type', 'default', 'meaning'];
const INTRODUCTION = [
  '# Configuration',
  '',
  '<!-- Generated from src/config by `npm run config:docs`: edit the schema, not this file. -->',
  '',
  'The process reads a few environment variables and one YAML file, `CONFIG_PATH`. `npm run config:check -- FILE`',
  'checks a file without starting anything. Unknown keys are errors. Durations are in ms, sizes in bytes, money in USD',
  'as a decimal string or number. The secrets (`secret`, `digest`, `apiKey`) and `baseUrl` may hold `${env:NAME}` and',
  '`${file:PATH}` (relative to the file, one trailing line break is dropped). `*` in a glob stands for any characters.',
  '',
];

/** The members below a node, looking through lists, with what the path gains; undefined for plain values. */
function membersOf(node: Node): { suffix: string; object: Node } | undefined {
  if (node.properties !== undefined) return { suffix: '', object: node };
  if (node.items !== undefined) {
    const inner = membersOf(node.items);
    return inner === undefined ? undefined : { suffix: `[]${inner.suffix}`, object: inner.object };
  }
  return node.anyOf?.map(membersOf).find((members) => members !== undefined);
}

function rows(path: string, node: Node): string[][] {
  const members = membersOf(node);
  if (members === undefined) return [];
  const { suffix, object } = members;
  return Object.entries(object.properties ?? {}).flatMap(([name, member]) => {
    const full = `${path}${suffix}.${name}`;
    return [row(full, member, object.required?.includes(name) === true), ...rows(full, member)];
  });
}

function row(path: string, node: Node, required: boolean): string[] {
  return [`\`${path}\``, typeText(node), defaultText(node, required), node.description ?? ''];
}

function typeText(node: Node): string {
  if (node.const !== undefined) return `\`${JSON.stringify(node.const)}\``;
  if (node.enum !== undefined) return node.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (node.anyOf !== undefined) return [...new Set(node.anyOf.map(typeText))].join(' or ');
  if (node.items !== undefined) return `list of ${typeText(node.items)}`;
  const name = typeof node.type === 'string' ? node.type : (node.type ?? ['any value']).join(' or ');
  if (name === 'object') return 'mapping';
  return `${name}${rangeText(node)}`;
}

function rangeText({ minimum, maximum }: Node): string {
  const bounded = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER;
  if (minimum !== undefined && bounded) return ` ${minimum} to ${maximum}`;
  return minimum === undefined ? '' : ` >= ${minimum}`;
}

function defaultText(node: Node, required: boolean): string {
  if (required) return 'required';
  if (node.default === undefined || node.properties !== undefined) return '';
  return `\`${JSON.stringify(node.default)}\``;
}

function environmentRows(): string[][] {
  const defaults = new Environment();
  return Object.entries(DESCRIPTIONS).map(([name, meaning]) => {
    const value: unknown = defaults[name as keyof typeof DESCRIPTIONS];
    return [
      `\`${name}\``,
      typeof value === 'object' || value === undefined ? '' : `\`${JSON.stringify(value)}\``,
      meaning,
    ];
  });
}

function table(head: readonly string[], body: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...body.map(line), ''];
}
