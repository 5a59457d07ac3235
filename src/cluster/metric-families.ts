/** The samples under one name, and the comments that introduce them. */
export interface MetricFamily {
  /** As in the text format 0.0.4: that of a counter ends in `_total`. */
  readonly name: string;
  readonly type: string;
  /** Of the HELP line, as it is written. */
  readonly help: string;
  /** By name and labels as they are written. */
  readonly samples: ReadonlyMap<string, number>;
  /** What stands after ` # `, by the same names and labels; few samples have one. */
  readonly exemplars: ReadonlyMap<string, string>;
}

/** What one process answered to a scrape. */
export type Families = ReadonlyMap<string, MetricFamily>;

/** How an exposition is written. */
export type Format = 'text' | 'openmetrics';

const COMMENT = /^# (HELP|TYPE) (\S+) ?(.*)$/;
const SAMPLE = /^([a-zA-Z_:][\w:]*(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})?) (\S+)(?: # (.+))?$/;

interface Draft {
  name: string;
  type: string;
  help: string;
  readonly samples: Map<string, number>;
  readonly exemplars: Map<string, string>;
}

/** Reads OpenMetrics as this gateway writes it: each family introduced by its help and its type, in this order. */
export function parseFamilies(text: string): Families {
  const families = new Map<string, MetricFamily>();
  let current: Draft | undefined;
  for (const line of text.split('\n')) {
    const [, comment, name = '', rest = ''] = COMMENT.exec(line) ?? [];
    if (comment === 'HELP') {
      current = { name, type: 'unknown', help: rest, samples: new Map(), exemplars: new Map() };
    } else if (comment === 'TYPE' && current) {
      current.type = rest;
      if (rest === 'counter') current.name = `${name}_total`;
      families.set(current.name, current);
    } else if (current) readSample(line, current);
  }
  return families;
}

function readSample(line: string, { samples, exemplars }: Draft): void {
  const [, series, value, exemplar] = SAMPLE.exec(line) ?? [];
  if (series === undefined || value === undefined) return;
  samples.set(series, toNumber(value));
  if (exemplar !== undefined) exemplars.set(series, exemplar);
}

/** Writes what {@link parseFamilies} reads, or the text format 0.0.4, which has no exemplars. */
export function writeFamilies(families: Families, format: Format): string {
  const open = format === 'openmetrics';
  const lines: string[] = [];
  for (const { name, type, help, samples, exemplars } of families.values()) {
    const shown = open && type === 'counter' ? name.replace(/_total$/, '') : name;
    lines.push(`# HELP ${shown} ${help}`, `# TYPE ${shown} ${type}`);
    for (const [series, value] of samples) {
      const exemplar = open ? exemplars.get(series) : undefined;
      lines.push(`${series} ${toText(value)}${exemplar === undefined ? '' : ` # ${exemplar}`}`);
    }
  }
  if (open) lines.push('# EOF');
  return `${lines.join('\n')}\n`;
}

function toNumber(text: string): number {
  if (text === '+Inf') return Infinity;
  return text === '-Inf' ? -Infinity : Number(text);
}

function toText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? '+Inf' : '-Inf';
}
