import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { FastCounter, FastHistogram, ReadGauge } from './fast-metrics.js';

const DURATION = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const FIRST_TOKEN = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const PER_TOKEN = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5];
const TOKENS = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304];
const ADDED = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

/** prom-client's gauges that are named as counters: promtool refuses them. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** Every metric of the gateway, in one registry. Labels come from closed sets only; docs/METRICS.md explains them. */
@Injectable()
export class GatewayMetrics {
  readonly registry = new Registry();

  readonly requests = this.#counter('gateway_requests_total', 'Chat requests by how they ended.', [
    'model',
    'code',
    'status_class',
    'stream',
  ]);
  readonly attempts = this.#counter('gateway_attempts_total', 'Attempts at upstreams by how they ended.', [
    'provider',
    'model',
    'kind',
    'outcome',
    'reason',
  ]);
  readonly tokens = this.#counter('gateway_tokens_total', 'Tokens charged.', ['model', 'type']);
  readonly cost = this.#counter('gateway_cost_nanodollars_total', 'Cost charged, in billionths of a US dollar.', [
    'provider',
    'model',
  ]);
  readonly usageSource = this.#counter('gateway_usage_source_total', 'Requests by how their usage is known.', [
    'source',
  ]);
  readonly duration = this.#histogram(
    'gen_ai_server_request_duration_seconds',
    'From receipt to the end of the answer.',
    DURATION,
  );
  readonly firstToken = this.#histogram(
    'gen_ai_server_time_to_first_token_seconds',
    'From receipt to the first content of a stream.',
    FIRST_TOKEN,
  );
  readonly perToken = this.#histogram(
    'gen_ai_server_time_per_output_token_seconds',
    'Mean gap between the output tokens of a stream after the first.',
    PER_TOKEN,
  );
  readonly tokenUsage = this.#histogram('gen_ai_client_token_usage', 'Tokens per request.', TOKENS, [
    'gen_ai_token_type',
  ]);
  readonly added = this.#histogram(
    'gateway_added_latency_seconds',
    'Time of a request that neither an upstream nor a queue accounts for.',
    ADDED,
  );
  readonly inFlight = this.#gauge('gateway_in_flight_requests', 'Chat requests that have not ended.');

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    for (const name of MISNAMED) this.registry.removeSingleMetric(name);
  }

  #counter(name: string, help: string, labelNames: string[]): FastCounter {
    return new FastCounter({ name, help, labelNames, registers: [this.registry] });
  }

  #histogram(name: string, help: string, buckets: number[], labels: string[] = []): FastHistogram {
    return new FastHistogram({
      name,
      help,
      buckets,
      labelNames: ['gen_ai_request_model', ...labels],
      registers: [this.registry],
    });
  }

  #gauge(name: string, help: string, labelNames: string[] = []): ReadGauge {
    return new ReadGauge({ name, help, labelNames, registers: [this.registry] });
  }
}
