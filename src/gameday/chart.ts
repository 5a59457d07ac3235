/** A line of a chart: points in order of time. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [atMs: number, value: number])[];
  /** Holds each value until the next point. */
  readonly steps?: boolean;
}

/** A time that is marked, ms. */
export interface Mark {
  readonly atMs: number;
  readonly label: string;
}

export interface Chart {
  readonly title: string;
  readonly unit: string;
  readonly durationMs: number;
  readonly series: readonly Series[];
  readonly marks: readonly Mark[];
  /** Names of the whole values 0, 1, …: for states. */
  readonly states?: readonly string[];
}

const WIDTH = 860;
const HEIGHT = 300;
const LEFT = 64;
const RIGHT = 12;
const TOP = 44;
const BOTTOM = 34;
const COLOURS = ['#1f6feb', '#d29922', '#cf222e', '#1a7f37', '#8250df', '#57606a'];

/** A chart over time as an SVG of its own: no script, no font, no reference to anything. */
export function svgOf(chart: Chart): string {
  const { title, unit, durationMs, series, marks, states } = chart;
  const highest = states
    ? states.length - 1
    : niceCeiling(Math.max(1, ...series.flatMap(({ points }) => points.map(([, value]) => value))));
  const x = (ms: number): number => round(LEFT + (Math.min(ms, durationMs) / durationMs) * (WIDTH - LEFT - RIGHT));
  const y = (value: number): number => round(HEIGHT - BOTTOM - (value / highest) * (HEIGHT - TOP - BOTTOM));
  const values = states ? states.map((_, value) => value) : [0, 0.25, 0.5, 0.75, 1].map((share) => share * highest);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11" role="img" aria-label="${escape(title)}">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<text x="${LEFT}" y="16" font-size="13" font-weight="bold">${escape(title)}</text>`,
    ...values.map((value) => grid(y(value), states?.[value] ?? `${round(value)}${unit}`)),
    ...ticks(durationMs).map((ms) => text(x(ms), HEIGHT - BOTTOM + 16, `${ms / 1_000} s`, 'middle')),
    ...marks.flatMap(({ atMs, label }, index) => [
      `<line x1="${x(atMs)}" x2="${x(atMs)}" y1="${TOP}" y2="${HEIGHT - BOTTOM}" stroke="#57606a" stroke-dasharray="3 3"><title>${escape(label)}</title></line>`,
      text(x(atMs) + 3, TOP + 10, String(index + 1), 'start'),
    ]),
    ...series.map(({ points, steps }, index) =>
      line(
        points.map(([ms, value]) => [x(ms), y(value)]),
        colour(index),
        steps,
      ),
    ),
    ...series.map(({ name }, index) => legend(index, name)),
    '</svg>',
  ];
  return `${parts.join('\n')}\n`;
}

function grid(at: number, label: string): string {
  return `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}" stroke="#d0d7de"/>${text(LEFT - 6, at + 4, label, 'end')}`;
}

function line(points: readonly (readonly [number, number])[], stroke: string, steps = false): string {
  let path = '';
  points.forEach(([px, py], index) => {
    if (index === 0) path = `M${px} ${py}`;
    else path += steps ? `H${px}V${py}` : `L${px} ${py}`;
  });
  return `<path d="${path}" fill="none" stroke="${stroke}" stroke-width="1.6"/>`;
}

function legend(index: number, name: string): string {
  const at = LEFT + index * 130;
  return `<rect x="${at}" y="24" width="10" height="10" fill="${colour(index)}"/>${text(at + 14, 33, name, 'start')}`;
}

function text(x: number, y: number, words: string, anchor: 'start' | 'middle' | 'end'): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" fill="#1f2328">${escape(words)}</text>`;
}

function ticks(durationMs: number): number[] {
  const step = durationMs > 30_000 ? 10_000 : durationMs > 10_000 ? 5_000 : 1_000;
  return Array.from({ length: Math.floor(durationMs / step) + 1 }, (_, index) => index * step);
}

/** The next 1, 2 or 5 times a power of ten. */
function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5].find((factor) => factor * power >= value) ?? 10) * power;
}

function colour(index: number): string {
  return COLOURS[index % COLOURS.length] ?? '#000000';
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function escape(words: string): string {
  return words.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}
