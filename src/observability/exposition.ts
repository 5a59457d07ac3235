import {
  type Metric,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
  type RegistryContentType,
} from 'prom-client';

/** What a scrape is answered with. */
export interface Exposition {
  readonly contentType: string;
  readonly text: string;
}

/** All metrics in the format that `accept` asks for: OpenMetrics, which has exemplars, else the text format 0.0.4. */
export async function exposition(registry: Registry, accept: string | undefined): Promise<Exposition> {
  if (accept?.includes('application/openmetrics-text') !== true) {
    return { contentType: registry.contentType, text: await registry.metrics() };
  }
  // prom-client renames the counters of a registry that it writes in this format, which the other must not see.
  const open = new Registry<RegistryContentType>();
  open.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  for (const metric of registry.getMetricsAsArray()) open.registerMetric(asOpenMetric(metric as unknown as Readable));
  return { contentType: open.contentType, text: await open.metrics() };
}

type Values = MetricObjectWithValues<MetricValue<string>>;

/** What prom-client keeps on a metric and does not declare. */
interface Readable {
  readonly name: string;
  get(): Promise<Values>;
  getForPromString?(): Promise<Values>;
}

function asOpenMetric(metric: Readable): Metric {
  const get = async (): Promise<Values> => {
    const found = await (metric.getForPromString?.() ?? metric.get());
    return String(found.type) === 'counter' ? { ...found, name: found.name.replace(/_total$/, '') } : found;
  };
  return { name: metric.name, get } as unknown as Metric;
}
