import { metricOf, valuesOf } from './metrics-list.js';

interface Matcher {
  readonly label: string;
  readonly operator: string;
  readonly value: string;
}

interface Selector {
  readonly series: string;
  readonly matchers: readonly Matcher[];
}

/** Labels that the scrape adds. */
const SCRAPED = new Set(['job', 'instance', 'namespace', 'pod', 'le', '__name__']);
const KEYWORDS = new Set(['and', 'or', 'unless', 'bool', 'offset', 'by', 'on', 'without', 'ignoring', 'inf', 'nan']);
const GROUPING = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g;

/** The series that an expression selects, and the labels that it groups by. */
export function selectorsOf(expression: string): { selectors: Selector[]; grouping: string[] } {
  const plain = expression.replaceAll(/\[[^\]]*\]/g, '');
  const grouping = [...plain.matchAll(GROUPING)].flatMap((match) => match[1]!.split(',').map((label) => label.trim()));
  const body = plain.replaceAll(GROUPING, ' ');
  const selectors = [...body.matchAll(/(?<![\w.$:"])([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\})?(?!\s*\()/g)]
    .filter(([, name]) => !KEYWORDS.has(name!))
    .filter((match) => !/^[\w:]*\s*\(/.test(body.slice(match.index)))
    .map(([, series, matchers]) => ({ series: series!, matchers: matchersOf(matchers ?? '') }));
  return { selectors, grouping: grouping.filter((label) => label !== '') };
}

function matchersOf(text: string): Matcher[] {
  return [...text.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g)].map(([, label, operator, value]) => ({
    label: label!,
    operator: operator!,
    value: value!,
  }));
}

/** What an expression gets wrong against docs/METRICS.md and the recording rules: unknown names, labels, values. */
export function mistakesOf(expression: string, recorded: ReadonlySet<string>): string[] {
  const { selectors, grouping } = selectorsOf(expression);
  if (selectors.length === 0) return [`${expression}: selects nothing`];
  const labels = new Set(selectors.flatMap(({ series }) => metricOf(series)?.labels ?? []));
  const isRecordedOnly = selectors.every(({ series }) => recorded.has(series));
  const badGrouping = grouping
    .filter((label) => !isRecordedOnly && !labels.has(label) && !SCRAPED.has(label))
    .map((label) => `${expression}: groups by ${label}`);
  return [...selectors.flatMap((selector) => mistakesIn(selector, recorded)), ...badGrouping];
}

function mistakesIn({ series, matchers }: Selector, recorded: ReadonlySet<string>): string[] {
  if (recorded.has(series)) return [];
  const metric = metricOf(series);
  if (!metric) return [`${series} is not in docs/METRICS.md`];
  return matchers.flatMap(({ label, value }) => {
    if (SCRAPED.has(label)) return [];
    if (!metric.labels.includes(label)) return [`${series} has no label ${label}`];
    const allowed = valuesOf(label, metric.name);
    if (!allowed || value.startsWith('$')) return [];
    return value
      .split('|')
      .filter((one) => !allowed.includes(one))
      .map((one) => `${series}{${label}="${one}"} cannot be`);
  });
}
