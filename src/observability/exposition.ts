import { type MetricObjectWithValues, type MetricValue, Registry } from 'prom-client';

/** What a scrape is answered with. */
export interface Exposition {
  readonly contentType: string;
  readonly text: string;
}

/** What a scraper accepts that wants exemplars. */
export const OPEN_METRICS = 'application/openmetrics-text';
export const OPEN_METRICS_TYPE = Registry.OPENMETRICS_CONTENT_TYPE;
export const TEXT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/** Lines that are written at one go: below a millisecond of the event loop. */
const LINES_PER_TURN = 1_000;

/**
 * All metrics in the format that `accept` asks for: OpenMetrics, which has exemplars, else the text format 0.0.4.
 * Each metric's values are of one moment; between slices of lines the event loop serves others.
 * @param turn resolves when the event loop has served what waited
 */
export async function exposition(
  registry: Registry,
  accept: string | undefined,
  turn: () => Promise<void>,
): Promise<Exposition> {
  const open = accept?.includes(OPEN_METRICS) === true;
  const lines: string[] = [];
  for (const metric of registry.getMetricsAsArray() as unknown as Readable[]) {
    const { name, help, type, values } = await (metric.getForPromString?.() ?? metric.get());
    const kind = String(type);
    const shown = open && kind === 'counter' ? name.replace(/_total$/, '') : name;
    lines.push(`# HELP ${shown} ${escaped(help)}`, `# TYPE ${shown} ${kind}`);
    for (const reading of values as readonly Reading[]) {
      lines.push(lineOf(reading, name, kind, open));
      if (lines.length % LINES_PER_TURN === 0) await turn();
    }
    if (!open) lines.push('');
  }
  if (open) lines.push('# EOF', '');
  const contentType = open ? OPEN_METRICS_TYPE : TEXT_TYPE;
  return { contentType, text: lines.join('\n') };
}

type Values = MetricObjectWithValues<MetricValue<string>>;
type Labels = Readonly<Record<string, string | number>>;

/** What prom-client keeps on a metric and does not declare. */
interface Readable {
  get(): Promise<Values>;
  getForPromString?(): Promise<Values>;
}

interface Reading {
  readonly value: number;
  readonly labels?: Labels;
  /** Labels that many readings of prom-client have in common. */
  readonly sharedLabels?: Labels;
  readonly metricName?: string;
  /** prom-client has null where there is none. */
  readonly exemplar?: { readonly labelSet: Labels; readonly value: number; readonly timestamp: number } | null;
}

function lineOf(reading: Reading, name: string, kind: string, open: boolean): string {
  const { value, labels, sharedLabels, metricName = name, exemplar } = reading;
  // Gauges make their labels anew for each scrape: there is nothing to remember.
  const text = kind === 'gauge' ? written(labels, sharedLabels) : remembered(labels, sharedLabels);
  const line = `${metricName}${text} ${numberOf(value)}`;
  if (!open || !exemplar) return line;
  return `${line} # ${written(exemplar.labelSet)} ${numberOf(exemplar.value)} ${exemplar.timestamp}`;
}

/** Texts of label sets that live as long as their metrics' children. */
const texts = new WeakMap<Labels, string>();

function remembered(labels: Labels | undefined, shared: Labels | undefined): string {
  if (labels === undefined || shared !== undefined) return written(labels, shared);
  let text = texts.get(labels);
  if (text === undefined) texts.set(labels, (text = written(labels)));
  return text;
}

function written(labels: Labels = {}, shared: Labels = {}): string {
  const pairs = Object.entries({ ...labels, ...shared }).map(([label, value]) => `${label}="${quoted(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function quoted(value: string | number): string {
  return typeof value === 'number' ? String(value) : escaped(value).replaceAll('"', '\\"');
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function numberOf(value: number): string {
  if (Number.isFinite(value)) return String(value);
  if (Number.isNaN(value)) return 'NaN';
  return value < 0 ? '-Inf' : '+Inf';
}
