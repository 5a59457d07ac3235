/** How the readings of several processes become one; `each`: they stay apart, with the label `worker`. */
export type GaugeRule = 'sum' | 'max' | 'min' | 'each' | 'breaker';

const MAX: readonly string[] = [
  'gateway_audit_difference_nanodollars',
  'gateway_build_info',
  'gateway_chaos_active',
  'gateway_cooldown_active',
  'gateway_event_loop_delay_p99_seconds',
  'gateway_event_loop_utilization',
  'gateway_limiter_saturation',
  'gateway_quota_fail_closed_keys',
  'gateway_quota_gateways',
  'gateway_settlement_journal_fill_ratio',
  'gateway_shed_level',
  'gateway_slo_burn_rate',
  'nodejs_version_info',
];
const MIN: readonly string[] = [
  'gateway_config_valid',
  'gateway_credential_expiry_timestamp_seconds',
  'gateway_memory_limit_bytes',
  'gateway_model_targets_available',
  'gateway_redis_up',
  'gateway_slo_error_budget_remaining',
  'process_max_fds',
  'process_start_time_seconds',
];

const RULES: ReadonlyMap<string, GaugeRule> = new Map<string, GaugeRule>([
  ...MAX.map((name) => [name, 'max'] as const),
  ...MIN.map((name) => [name, 'min'] as const),
  ['gateway_breaker_state', 'breaker'],
  ['gateway_config_hash', 'each'],
]);

/**
 * The rule of a gauge: the worst reading where one bad process is the news, else the sum. Lags of the event loop are
 * worst readings, too.
 */
export function gaugeRule(name: string): GaugeRule {
  return RULES.get(name) ?? (name.startsWith('nodejs_eventloop_lag') ? 'max' : 'sum');
}
