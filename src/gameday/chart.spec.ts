import { describe, expect, it } from 'vitest';
import { svgOf } from './chart.js';

describe('svgOf', () => {
  it('draws lines to the scale of its axes', () => {
    const points = [
      [0, 0],
      [5_000, 10],
      [10_000, 5],
    ] as const;
    const chart = { title: 't', unit: '/s', durationMs: 10_000, series: [{ name: 'ok', points }], marks: [] };
    expect(svgOf(chart)).toContain('<path d="M64 266L456 44L848 155"');
  });

  it('holds a state until the next, names states, and numbers the marks', () => {
    const series = [
      {
        name: 'a',
        steps: true,
        points: [
          [0, 0],
          [5_000, 2],
        ] as const,
      },
    ];
    const marks = [{ atMs: 5_000, label: 'kill -9 <a>' }];
    const states = ['closed', 'halfOpen', 'open'];
    const svg = svgOf({ title: 't', unit: '', durationMs: 10_000, series, marks, states });
    expect(svg).toContain('<path d="M64 266H456V44"');
    expect(svg).toContain('>halfOpen</text>');
    expect(svg).toContain('<title>kill -9 &lt;a&gt;</title>');
  });

  it('is drawn without any value', () => {
    expect(svgOf({ title: 't', unit: '', durationMs: 1_000, series: [], marks: [] })).toMatch(/^<svg .*<\/svg>\n$/s);
  });
});
