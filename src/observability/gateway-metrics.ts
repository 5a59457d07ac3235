import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { FastCounter, FastHistogram, ReadGauge } from './fast-metrics.js';
import { SeriesCap } from './series-cap.js';

const DURATION = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const FIRST_TOKEN = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const PER_TOKEN = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5];
const TOKENS = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304];
const STORE = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];
const ADDED = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

const STAGE = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const QUEUE_WAIT = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Series of labels that a process may have. */
const MAX_SERIES = 10_000;

/** prom-client's gauges that are named as counters: promtool refuses them. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** Every metric of the gateway, in one registry. Labels come from closed sets only; docs/METRICS.md explains them. */
@Injectable()
export class GatewayMetrics {
  readonly registry = new Registry();
  readonly #dropped = new FastCounter({
    name: 'gateway_metrics_dropped_series_total',
    help: 'Label sets that the cap folded into other.',
    registers: [this.registry],
  }).child({});
  readonly #cap = new SeriesCap(MAX_SERIES, () => {
    this.#dropped.add();
  });

  readonly requests = this.#counter('gateway_requests_total', 'Chat requests by how they ended.', [
    'model',
    'code',
    'status_class',
    'stream',
    'band',
    'slo',
    'injected',
  ]);
  readonly attempts = this.#counter('gateway_attempts_total', 'Attempts at upstreams by how they ended.', [
    'provider',
    'model',
    'kind',
    'outcome',
    'reason',
    'injected',
  ]);
  readonly failovers = this.#counter('gateway_failovers_total', 'Attempts on another target than the one left.', [
    'provider',
    'model',
  ]);
  readonly retries = this.#counter('gateway_retries_total', 'Attempts charged to a retry budget.', [
    'provider',
    'model',
  ]);
  readonly breakerTransitions = this.#counter('gateway_breaker_transitions_total', "Changes of a breaker's state.", [
    'provider',
    'model',
    'from',
    'to',
    'reason',
  ]);
  readonly warmUps = this.#counter('gateway_warm_ups_total', 'One-token requests to idle providers.', [
    'provider',
    'outcome',
  ]);
  readonly connectionsRefused = this.#counter(
    'gateway_connections_refused_total',
    'Connections closed because their address had too many.',
  );
  readonly hedges = this.#counter('gateway_hedge_total', 'Second attempts started early.', ['outcome']);
  readonly authFailures = this.#counter('gateway_auth_failures_total', 'Requests whose key was refused.');
  readonly guardrailBlocks = this.#counter('gateway_guardrail_blocks_total', 'Matches of guardrail rules.', [
    'direction',
    'rule_id',
    'action',
  ]);
  readonly quotaRefusals = this.#counter('gateway_quota_refusals_total', 'Requests that a limit or budget refused.', [
    'reason',
  ]);
  readonly budgetOverrun = this.#counter(
    'gateway_budget_overrun_nanodollars_total',
    'Charged beyond what was reserved, in billionths of a US dollar.',
  );
  readonly waste = this.#counter(
    'gateway_upstream_waste_nanodollars_total',
    'Cost of attempts whose answer nobody got, in billionths of a US dollar.',
  );
  readonly wasteTokens = this.#counter(
    'gateway_upstream_waste_tokens_total',
    'Tokens of attempts whose answer nobody got.',
  );
  readonly redisUp = this.#gauge('gateway_redis_up', '1 while the shared quota store answers.');
  readonly storeGateways = this.#gauge('gateway_quota_gateways', 'Gateways that share the quota store.');
  readonly failClosedKeys = this.#gauge(
    'gateway_quota_fail_closed_keys',
    'Keys that cannot be served while the store is away.',
  );
  readonly storeLatency = new FastHistogram({
    name: 'gateway_quota_store_latency_seconds',
    help: 'Round trips to the quota store.',
    buckets: STORE,
    labelNames: ['operation'],
    registers: [this.registry],
  });
  readonly storeErrors = this.#counter('gateway_quota_store_errors_total', 'Round trips that failed or timed out.', [
    'operation',
  ]);
  readonly storeReplays = this.#counter(
    'gateway_quota_store_replays_total',
    'Times that the store had lost data and was told again.',
  );
  readonly reserved = this.#gauge(
    'gateway_reserved_nanodollars',
    'Worst case held by the requests in flight, in billionths of a US dollar.',
  );
  readonly reservationsExpired = this.#counter(
    'gateway_reservations_expired_total',
    'Reservations whose lease ended unsettled.',
  );
  readonly journalEntries = this.#gauge('gateway_settlement_journal_entries', 'Settlements that wait for the store.');
  readonly journalFill = this.#gauge(
    'gateway_settlement_journal_fill_ratio',
    "The fuller of the journal's two bounds.",
  );
  readonly settlementsLost = this.#counter(
    'gateway_settlement_journal_lost_total',
    'Settlements that found no room in the journal.',
  );
  readonly settlementsLostNanoUsd = this.#counter(
    'gateway_settlement_journal_lost_nanodollars_total',
    'Charges that found no room in the journal, in billionths of a US dollar.',
  );
  readonly auditDifference = this.#gauge(
    'gateway_audit_difference_nanodollars',
    'Largest difference that the last audit found, in billionths of a US dollar.',
  );
  readonly logLinesDropped = this.#counter('gateway_log_lines_dropped_total', 'Log lines that nobody read in time.');
  readonly configReloads = this.#counter('gateway_config_reload_total', 'Reloads of the gateway file.', ['result']);
  readonly sloEvents = this.#counter('gateway_slo_events_total', 'Requests against the objectives.', ['slo', 'result']);
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
  readonly upstreamFirstToken = new FastHistogram(
    {
      name: 'gateway_upstream_first_token_seconds',
      help: "From an attempt's start to its first content.",
      buckets: FIRST_TOKEN,
      labelNames: ['provider'],
      registers: [this.registry],
    },
    this.#cap,
  );
  readonly stages = this.#plainHistogram(
    'gateway_stage_duration_seconds',
    'Time that a request spent in one stage.',
    STAGE,
    'stage',
  );
  readonly queueWait = this.#plainHistogram(
    'gateway_queue_wait_seconds',
    'Time that queued requests waited.',
    QUEUE_WAIT,
    'band',
  );
  readonly shed = this.#counter('gateway_shed_total', 'Requests refused to protect the gateway or an upstream.', [
    'reason',
    'band',
  ]);
  readonly shedLevel = this.#gauge(
    'gateway_shed_level',
    '0 none, 1 brown-out, 2 sheddable, 3 default, 4 all but health.',
  );
  readonly openConnections = this.#gauge('gateway_open_connections', 'Open sockets of the public listener.');
  readonly memoryLimit = this.#gauge('gateway_memory_limit_bytes', 'Memory that counts as 100 %.');
  readonly queueLength = this.#gauge('gateway_queue_length', 'Requests that wait for a slot.', ['band']);
  readonly queueTokens = this.#gauge('gateway_queue_tokens', 'Estimated tokens of the requests that wait.', ['model']);
  readonly breakerState = this.#gauge('gateway_breaker_state', '0 closed, 1 open, 2 half-open.', ['provider', 'model']);
  readonly coolDown = this.#gauge('gateway_cooldown_active', '1 while a target rests after a refusal.', [
    'provider',
    'model',
  ]);
  readonly targetsAvailable = this.#gauge('gateway_model_targets_available', 'Usable targets of a model.', ['model']);
  readonly limiterLimit = this.#gauge('gateway_limiter_limit', 'Concurrency that the limiter allows now.', [
    'provider',
    'model',
  ]);
  readonly limiterInFlight = this.#gauge('gateway_limiter_in_flight', 'Attempts that hold a slot.', [
    'provider',
    'model',
  ]);
  readonly limiterSaturation = this.#gauge(
    'gateway_limiter_saturation',
    "In flight over limit, of the model's targets together.",
    ['model'],
  );
  readonly burnRate = this.#gauge('gateway_slo_burn_rate', 'Speed of the error budget: 1 spends it exactly.', [
    'slo',
    'window',
  ]);
  readonly budgetRemaining = this.#gauge(
    'gateway_slo_error_budget_remaining',
    'Share of the error budget left, over at most 3 days of this process.',
    ['slo'],
  );
  readonly credentialExpiry = this.#gauge(
    'gateway_credential_expiry_timestamp_seconds',
    "When the first of the keys, or of the upstreams' certificates, expires.",
    ['kind'],
  );
  readonly configValid = this.#gauge('gateway_config_valid', '1 while the file on disk is the one in force.');
  readonly configHash = this.#gauge('gateway_config_hash', 'First 48 bits of the SHA-256 of the configuration.');
  readonly chaosActive = this.#gauge('gateway_chaos_active', 'Chaos experiments in force.');
  readonly loopDelay = this.#gauge('gateway_event_loop_delay_p99_seconds', "99th percentile of the loop's delay.");
  readonly loopUtilization = this.#gauge('gateway_event_loop_utilization', 'Busy share of the event loop.');
  readonly inFlight = this.#gauge('gateway_in_flight_requests', 'Chat requests that have not ended.');

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    for (const name of MISNAMED) this.registry.removeSingleMetric(name);
  }

  #counter(name: string, help: string, labelNames: string[] = []): FastCounter {
    return new FastCounter({ name, help, labelNames, registers: [this.registry] }, this.#cap);
  }

  #histogram(name: string, help: string, buckets: number[], labels: string[] = []): FastHistogram {
    const labelNames = ['gen_ai_request_model', ...labels];
    return new FastHistogram({ name, help, buckets, labelNames, registers: [this.registry] }, this.#cap);
  }

  #plainHistogram(name: string, help: string, buckets: number[], label: string): FastHistogram {
    return new FastHistogram({ name, help, buckets, labelNames: [label], registers: [this.registry] }, this.#cap);
  }

  #gauge(name: string, help: string, labelNames: string[] = []): ReadGauge {
    return new ReadGauge({ name, help, labelNames, registers: [this.registry] });
  }
}
