import { gaugeRule } from './gauge-rules.js';
import { type Families, type MetricFamily } from './metric-families.js';

/** What one process told, under the worker's number. */
export interface WorkerFamilies {
  readonly worker: number;
  readonly families: Families;
}

type Combine = (left: number, right: number) => number;

const sum: Combine = (left, right) => left + right;
const COMBINE = { sum, max: Math.max, min: Math.min, breaker: worseBreaker } as const;

/**
 * One exposition of many: counters and histograms are summed, gauges by their rule. What ended workers counted stays
 * in the totals, so that no counter goes backwards. Of exemplars of one series the newest stays.
 * @param ended sums of workers that are gone, of {@link addEnded}
 */
export function mergeFamilies(living: readonly WorkerFamilies[], ended: Families): Families {
  const merged = new Map<string, MetricFamily>();
  for (const { worker, families } of living) {
    for (const family of families.values()) addFamily(merged, family, worker);
  }
  for (const family of ended.values()) addFamily(merged, family, 0);
  return merged;
}

/** Adds the last counters of a worker to those of the workers that ended before; its gauges end with it. */
export function addEnded(ended: Families, last: Families): Families {
  const merged = new Map(ended);
  for (const family of last.values()) if (family.type !== 'gauge') addFamily(merged, family, 0);
  return merged;
}

function addFamily(merged: Map<string, MetricFamily>, family: MetricFamily, worker: number): void {
  const rule = family.type === 'gauge' ? gaugeRule(family.name) : 'sum';
  const samples = new Map(merged.get(family.name)?.samples);
  for (const [series, value] of family.samples) {
    if (rule === 'each') samples.set(withWorker(series, worker), value);
    else samples.set(series, combined(COMBINE[rule], samples.get(series), value));
  }
  const exemplars = newestOf(merged.get(family.name)?.exemplars, family.exemplars);
  merged.set(family.name, { ...family, samples, exemplars });
}

type Exemplars = MetricFamily['exemplars'];

function newestOf(left: Exemplars | undefined, right: Exemplars): Exemplars {
  if (!left) return right;
  const newest = new Map(left);
  for (const [series, exemplar] of right) {
    const before = newest.get(series);
    if (before === undefined || writtenAt(exemplar) > writtenAt(before)) newest.set(series, exemplar);
  }
  return newest;
}

/** Seconds since the epoch: an exemplar ends with them. */
function writtenAt(exemplar: string): number {
  return Number(exemplar.slice(exemplar.lastIndexOf(' ') + 1));
}

function combined(combine: Combine, before: number | undefined, value: number): number {
  return before === undefined ? value : combine(before, value);
}

function withWorker(series: string, worker: number): string {
  const label = `worker="${worker}"`;
  return series.endsWith('}') ? `${series.slice(0, -1)},${label}}` : `${series}{${label}}`;
}

/** 0 closed, 1 open, 2 half-open: open is the news. */
function worseBreaker(left: number, right: number): number {
  return left === 1 || right === 1 ? 1 : Math.max(left, right);
}
