import {
  Counter,
  Gauge,
  Histogram,
  type HistogramConfiguration,
  type LabelValues,
  type MetricObjectWithValues,
  type MetricType,
  type MetricValue,
} from 'prom-client';

/**
 * prom-client hashes labels on every increment, which costs more than all the rest of a metric. These metrics hand
 * out one child per set of label values, kept by whoever counts; counting is then a plain addition, and
 * prom-client is given the sums when it is asked.
 */
export class FastCounter<Label extends string = string> extends Counter<Label> {
  readonly #children: CounterChild<Label>[] = [];

  /** A child for one set of label values: look it up once, keep it. */
  child(labels: LabelValues<Label>): CounterChild<Label> {
    const child = new CounterChild(labels);
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
  value = 0;

  constructor(readonly labels: LabelValues<Label>) {}

  add(amount = 1): void {
    this.value += amount;
  }
}

/** A histogram whose children find their bucket by bisection and allocate nothing. */
export class FastHistogram<Label extends string = string> extends Histogram<Label> {
  readonly #children: HistogramChild<Label>[] = [];
  readonly #bounds: readonly number[];

  constructor(configuration: HistogramConfiguration<Label>) {
    super(configuration);
    this.#bounds = configuration.buckets ?? [];
  }

  child(labels: LabelValues<Label>): HistogramChild<Label> {
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

interface Series {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName: string;
}

export class HistogramChild<Label extends string = string> {
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(
    readonly labels: LabelValues<Label>,
    private readonly bounds: readonly number[],
  ) {
    this.#counts = new Float64Array(bounds.length + 1);
  }

  /** @param value in the metric's unit: seconds, tokens */
  observe(value: number): void {
    let low = 0;
    let high = this.bounds.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value <= (this.bounds[middle] ?? Infinity)) high = middle;
      else low = middle + 1;
    }
    this.#counts[low] = (this.#counts[low] ?? 0) + 1;
    this.#sum += value;
  }

  /** Cumulative buckets, sum and count, as the exposition format wants them. */
  series(name: string): Series[] {
    const labels = this.labels as Record<string, string | number>;
    let running = 0;
    const buckets = [...this.bounds, '+Inf'].map((le, at) => {
      running += this.#counts[at] ?? 0;
      return { labels: { le, ...labels }, value: running, metricName: `${name}_bucket` };
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
