import { readText } from './repository.js';

/** One row of docs/METRICS.md. */
export interface ListedMetric {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
}

const quoted = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
const rows = readText('docs/METRICS.md')
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()));

/** All metrics of docs/METRICS.md, by name. */
export const LISTED: ReadonlyMap<string, ListedMetric> = new Map(
  rows
    .filter(([, , type]) => ['counter', 'gauge', 'histogram'].includes(type!))
    .map(([, name, type, labels]) => [
      quoted(name!)[0]!,
      { name: quoted(name!)[0]!, type: type!, labels: quoted(labels!) },
    ]),
);

interface ClosedSet {
  readonly label: string;
  /** Patterns of the metrics it holds for; none: all others. */
  readonly metrics: readonly string[];
  readonly values: readonly string[];
}

const closedSets: readonly ClosedSet[] = rows
  .filter((cells) => cells.length === 4 && cells[2]!.startsWith('`'))
  .flatMap(([, head, values]) => {
    const [labels, metrics] = head!.split(' on ');
    return quoted(labels!).map((label) => ({ label, metrics: quoted(metrics ?? ''), values: quoted(values!) }));
  });

/** The values that a label of a metric may have; undefined where the configuration decides. */
export function valuesOf(label: string, metric: string): readonly string[] | undefined {
  const sets = closedSets.filter((set) => set.label === label);
  const own = sets.find(({ metrics }) => metrics.includes(metric));
  return (own ?? sets.find(({ metrics }) => metrics.length === 0))?.values;
}

/** The metric that a series belongs to: a histogram's buckets, sum and count are its own. */
export function metricOf(series: string): ListedMetric | undefined {
  const listed = LISTED.get(series);
  if (listed) return listed;
  const histogram = LISTED.get(series.replace(/_(bucket|sum|count)$/, ''));
  return histogram?.type === 'histogram' ? histogram : undefined;
}
