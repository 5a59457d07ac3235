import {
  Counter,
  type CounterConfiguration,
  Gauge,
  Histogram,
  type HistogramConfiguration,
  type LabelValues,
  type MetricObjectWithValues,
  type MetricType,
  type MetricValue,
} from 'prom-client';
import { type SeriesCap } from './series-cap.js';

/**
 * prom-client hashes labels on every increment, which costs more than all the rest of a metric. These metrics hand
 * out one child per set of label values, kept by whoever counts; counting is then a plain addition, and
 * prom-client is given the sums when it is asked.
 */
export class FastCounter<Label extends string = string> extends Counter<Label> {
  readonly #children: CounterChild<Label>[] = [];
  #other: CounterChild<Label> | undefined;

  constructor(
    configuration: CounterConfiguration<Label>,
    private readonly cap?: SeriesCap,
  ) {
    super(configuration);
  }

  /** A child for one set of label values: look it up once, keep it. Beyond the cap it is the one of all others. */
  child(labels: LabelValues<Label>): CounterChild<Label> {
    if (this.cap?.take(1) === false) return (this.#other ??= this.#keep(new CounterChild(allOther(labels))));
    return this.#keep(new CounterChild(labels));
  }

  #keep(child: CounterChild<Label>): CounterChild<Label> {
    this.#children.push(child);
    return child;
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the base class answers a promise
  override async get(): Promise<MetricObjectWithValues<MetricValue<Label>>> {
    const values = this.#children.map(({ labels, value }) => ({ value, labels }));
    return exposed(this, 'counter', values);
  }
}

export class CounterChild<Label extends string = string> {
  // In a typed array, as in AccountWindow: sums of nano-USD outgrow V8's small integers within minutes.
  readonly #sum = new Float64Array(1);

  constructor(readonly labels: LabelValues<Label>) {}

  get value(): number {
    return this.#sum[0] ?? 0;
  }

  add(amount = 1): void {
    this.#sum[0] = this.value + amount;
  }
}

/** What is kept under a key, made with its first use: a child, or the children of something. */
export function kept<Key, Value>(known: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = known.get(key);
  if (value === undefined) {
    value = make();
    known.set(key, value);
  }
  return value;
}

/** A histogram whose children find their bucket by bisection and allocate nothing. */
export class FastHistogram<Label extends string = string> extends Histogram<Label> {
  readonly #children: HistogramChild<Label>[] = [];
  readonly #bounds: readonly number[];
  #other: HistogramChild<Label> | undefined;

  constructor(
    configuration: HistogramConfiguration<Label>,
    private readonly cap?: SeriesCap,
  ) {
    super(configuration);
    this.#bounds = configuration.buckets ?? [];
  }

  /** As a counter's. */
  child(labels: LabelValues<Label>): HistogramChild<Label> {
    const series = this.#bounds.length + BESIDE_BUCKETS;
    if (this.cap?.take(series) === false) return (this.#other ??= this.#keep(allOther(labels)));
    return this.#keep(labels);
  }

  #keep(labels: LabelValues<Label>): HistogramChild<Label> {
    const child = new HistogramChild(labels, this.#bounds);
    this.#children.push(child);
    return child;
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the base class answers a promise
  override async get(): Promise<MetricObjectWithValues<MetricValue<Label>>> {
    const values = this.#children.flatMap((child) => child.series((this as unknown as Named).name));
    return exposed(this, 'histogram', values);
  }

  /** What the registry writes out: prom-client asks its histograms here, not in `get`, and does not declare it. */
  getForPromString(): Promise<MetricObjectWithValues<MetricValue<Label>>> {
    return this.get();
  }
}

/** The series of a histogram's child that are no bounded bucket: +Inf, sum, count. */
const BESIDE_BUCKETS = 3;

/** One observation that leads from a metric to a trace, as OpenMetrics shows it. */
interface Exemplar {
  readonly labelSet: { readonly trace_id: string };
  readonly value: number;
  /** Seconds since the epoch. */
  readonly timestamp: number;
}

interface Series {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName: string;
  readonly exemplar?: Exemplar;
}

export class HistogramChild<Label extends string = string> {
  readonly #counts: Float64Array;
  #sum = 0;
  /** The last one of each bucket; made with the first. */
  #exemplars: (Exemplar | undefined)[] | undefined;
  /** Made with the first scrape. */
  #labelsOfBuckets: readonly Readonly<Record<string, string | number>>[] | undefined;

  constructor(
    readonly labels: LabelValues<Label>,
    private readonly bounds: readonly number[],
  ) {
    this.#counts = new Float64Array(bounds.length + 1);
  }

  /** @param value in the metric's unit: seconds, tokens */
  observe(value: number): void {
    const bucket = this.#bucketOf(value);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#sum += value;
  }

  /** As `observe`, of a request whose trace somebody keeps. */
  observeTraced(value: number, traceId: string, wallMs: number): void {
    this.observe(value);
    const exemplars = (this.#exemplars ??= []);
    exemplars[this.#bucketOf(value)] = { labelSet: { trace_id: traceId }, value, timestamp: wallMs / 1000 };
  }

  /** The same objects at every scrape, so that the exposition need not write them out again. */
  #bucketLabels(): readonly Readonly<Record<string, string | number>>[] {
    return (this.#labelsOfBuckets ??= [...this.bounds, '+Inf'].map((le) => ({
      le,
      ...(this.labels as Record<string, string | number>),
    })));
  }

  #bucketOf(value: number): number {
    let low = 0;
    let high = this.bounds.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value <= (this.bounds[middle] ?? Infinity)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Cumulative buckets, sum and count, as the exposition format wants them. */
  series(name: string): Series[] {
    const labels = this.labels as Record<string, string | number>;
    const metricName = `${name}_bucket`;
    let running = 0;
    const buckets = this.#bucketLabels().map((bucket, at) => {
      running += this.#counts[at] ?? 0;
      const exemplar = this.#exemplars?.[at];
      return { labels: bucket, value: running, metricName, ...(exemplar && { exemplar }) };
    });
    return [
      ...buckets,
      { labels, value: this.#sum, metricName: `${name}_sum` },
      { labels, value: running, metricName: `${name}_count` },
    ];
  }
}

/** A gauge read when it is scraped: each reading is a set of labels and a value. */
export class ReadGauge<Label extends string = string> extends Gauge<Label> {
  #read: () => readonly { readonly labels: LabelValues<Label>; readonly value: number }[] = () => [];

  /** Names the source of the readings. */
  readFrom(read: () => readonly { readonly labels: LabelValues<Label>; readonly value: number }[]): void {
    this.#read = read;
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the base class answers a promise
  override async get(): Promise<MetricObjectWithValues<MetricValue<Label>>> {
    return exposed(this, 'gauge', this.#read());
  }
}

function allOther<Label extends string>(labels: LabelValues<Label>): LabelValues<Label> {
  return Object.fromEntries(Object.keys(labels).map((label) => [label, 'other'])) as LabelValues<Label>;
}

/** What prom-client keeps on a metric but does not declare. */
interface Named {
  readonly name: string;
  readonly help: string;
  readonly aggregator: string;
}

function exposed<Label extends string>(
  metric: unknown,
  type: 'counter' | 'gauge' | 'histogram',
  values: readonly object[],
): MetricObjectWithValues<MetricValue<Label>> {
  const { name, help, aggregator } = metric as Named;
  return { name, help, aggregator, type: type as unknown as MetricType, values } as unknown as MetricObjectWithValues<
    MetricValue<Label>
  >;
}
