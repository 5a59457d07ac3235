import { type AuditEntry, type AuditLog } from '../admin/audit-log.js';
import { type ChaosControl, type RunningExperiment } from '../chaos/chaos-control.js';
import { type ConfigControl, type HandedConfig } from '../config/config-control.js';
import { type ConfigWatcher } from '../config/config-watcher.js';
import { type ProcessLogger } from '../observability/logger.js';
import { type Override, type Overrides } from '../resilience/overrides.js';

/** What one worker has that its file does not say: it goes from process to process, and nowhere else. */
export interface WorkerState {
  readonly config: HandedConfig;
  /** Hash of the file as the worker last saw it; undefined where the next worker has to look for itself. */
  readonly seenFile: string | undefined;
  readonly overrides: readonly Override[];
  readonly experiments: readonly RunningExperiment[];
  readonly chaosSecret: string;
  readonly logLevel: string;
  /** Newest first. */
  readonly audit: readonly AuditEntry[];
}

/** The parts of a gateway that operators change while it runs. */
export interface OperatorParts {
  readonly config: ConfigControl;
  readonly watcher: ConfigWatcher;
  readonly overrides: Overrides;
  readonly chaos: ChaosControl;
  readonly log: ProcessLogger;
  readonly audit: AuditLog;
}

export function stateOf({ config, watcher, overrides, chaos, log, audit }: OperatorParts): WorkerState {
  return {
    config: config.handOver(),
    // A file that was refused is refused again: each process says itself that it is bad.
    seenFile: config.history[0]?.result === 'rejected' ? undefined : watcher.seen,
    overrides: overrides.list(),
    experiments: chaos.list(),
    chaosSecret: chaos.secret,
    logLevel: log.logger.level,
    audit: audit.entries,
  };
}

/** Stands where another worker stands, before the first request comes. */
export async function adopt(parts: OperatorParts, state: WorkerState): Promise<void> {
  const { config, watcher, overrides, chaos, log, audit } = parts;
  await config.takeOver(state.config);
  watcher.seen = state.seenFile;
  for (const { provider, drained, weight, remainingMs } of state.overrides) {
    if (drained) overrides.drain(provider);
    if (weight !== undefined) overrides.setWeight(provider, weight, remainingMs);
  }
  chaos.secret = state.chaosSecret;
  // Also those of the file: they may be over on the others, or have been ended.
  chaos.stopAll();
  if (chaos.enabled) {
    for (const { id, fault, scope, percentage, seed, remainingMs, startedBy } of state.experiments) {
      chaos.start({ id, fault, scope, percentage, seed, ttlMs: remainingMs }, startedBy);
    }
  }
  log.logger.level = state.logLevel;
  audit.takeOver(state.audit);
}
