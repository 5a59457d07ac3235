/** The samples under one name, and the comments that introduce them. */
export interface MetricFamily {
  readonly name: string;
  readonly type: string;
  readonly comments: readonly string[];
  /** By name and labels as they are written. */
  readonly samples: ReadonlyMap<string, number>;
}

/** What one process answered to a scrape. */
export type Families = ReadonlyMap<string, MetricFamily>;

const COMMENT = /^# (?:HELP|TYPE|UNIT) (\S+)/;
const SAMPLE = /^([a-zA-Z_:][\w:]*(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})?) (\S+)$/;

/** Reads the text format 0.0.4 as this gateway writes it: each family introduced by its type. */
export function parseFamilies(text: string): Families {
  const families = new Map<string, { name: string; type: string; comments: string[]; samples: Map<string, number> }>();
  let current: { type: string; comments: string[]; samples: Map<string, number> } | undefined;
  for (const line of text.split('\n')) {
    const name = COMMENT.exec(line)?.[1];
    if (name !== undefined) {
      const family = families.get(name) ?? { name, type: 'untyped', comments: [], samples: new Map<string, number>() };
      families.set(name, family);
      family.comments.push(line);
      if (line.startsWith('# TYPE ')) family.type = line.slice(`# TYPE ${name} `.length).trim();
      current = family;
      continue;
    }
    const [, series, value] = SAMPLE.exec(line) ?? [];
    if (series !== undefined && value !== undefined) current?.samples.set(series, toNumber(value));
  }
  return families;
}

/** Writes what {@link parseFamilies} reads. */
export function writeFamilies(families: Families): string {
  const lines: string[] = [];
  for (const { comments, samples } of families.values()) {
    lines.push(...comments);
    for (const [series, value] of samples) lines.push(`${series} ${toText(value)}`);
  }
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
