import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { colourOf, onThemeChange } from '../theme';

/** One line of a chart. */
export interface Line {
  readonly label: string;
  /** A colour of the style sheet. */
  readonly token: string;
  readonly values: readonly (number | null)[];
  readonly filled?: boolean;
}

interface ChartProps {
  readonly title: string;
  /** What it shows now, in words: for who cannot see it, and under the title. */
  readonly summary: string;
  /** Seconds since the epoch. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
}

const HEIGHT = 190;
/** Distances of the time axis, seconds: whole minutes. */
const STEPS = [60, 120, 300];
/** What the time axis spans at least, seconds. */
const SHORTEST = 150;
const AXIS_WIDTH = 58;

/** Lines over the last minutes. */
export function Chart({ title, summary, times, lines, format }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const data = useRef<uPlot.AlignedData>([[]]);
  data.current = [[...times], ...lines.map(({ values }) => [...values])] as uPlot.AlignedData;
  useEffect(() => {
    const { current: element } = place;
    if (!element) return;
    const draw = (): void => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsOf(element.clientWidth, lines, format), data.current, element);
    };
    draw();
    const resize = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    resize.observe(element);
    const unsubscribe = onThemeChange(draw);
    return () => {
      resize.disconnect();
      unsubscribe();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, []);
  useEffect(() => plot.current?.setData(data.current), [times]);
  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-title">{title}</span>
        <span class="chart-summary mono">{summary}</span>
      </figcaption>
      <div ref={place} class="chart-place" role="img" aria-label={`${title}, last 10 minutes. Now: ${summary}`} />
      <ul class="legend" aria-hidden="true">
        {lines.map(({ label, token }) => (
          <li key={label}>
            <i style={{ background: `var(${token})` }} />
            {label}
          </li>
        ))}
      </ul>
    </figure>
  );
}

function optionsOf(width: number, lines: readonly Line[], format: (value: number) => string): uPlot.Options {
  const axis = {
    stroke: colourOf('--muted'),
    font: '11px system-ui, sans-serif',
    grid: { stroke: colourOf('--border'), width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height: HEIGHT,
    padding: [8, 18, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 5 }, drag: { x: false, y: false } },
    scales: {
      x: { range: (_plot, from, to) => [Math.min(from, to - SHORTEST), to] },
      y: { range: (_plot, _low, high) => [0, Math.max(high * 1.15, 0.001)] },
    },
    axes: [
      { ...axis, size: 24, space: 60, incrs: STEPS, values: (_plot, at) => at.map((second) => clockOf(second)) },
      { ...axis, size: AXIS_WIDTH, space: 32, values: (_plot, at) => at.map(format) },
    ],
    series: [
      {},
      ...lines.map(({ label, token, filled }) => ({
        label,
        stroke: colourOf(token),
        width: 1.5,
        points: { show: false },
        spanGaps: true,
        ...(filled && { fill: faded(colourOf(token)) }),
      })),
    ],
  };
}

function clockOf(second: number): string {
  return new Date(second * 1_000).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
}

/** `rgb(1, 2, 3)` with an eighth of its strength. */
function faded(colour: string): string {
  return colour.replace('rgb(', 'rgba(').replace(')', ', 0.12)');
}
