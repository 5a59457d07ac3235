import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FromWorker, type ToWorker, type WorkerState } from './cluster/worker-messages.js';
import { type Environment } from './config/env.js';
import { type RunningGateway, startGateway } from './gateway.js';
import { systemClock } from './kernel/clock.js';
import { handleSignals } from './signals.js';

/** Longest wait for the primary to take over what was counted, ms. */
const HEARD_WITHIN_MS = 2_000;

type OperatorsPart = Pick<RunningGateway, 'overrides' | 'chaos'>;

/** One of several gateways on the same public port; the primary alone reaches its operations listener. */
export async function runWorker(environment: Environment): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-worker-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const opsPath = join(folder, 'ops.sock');
  const gateway = await startGateway(environment, {
    // Exclusive: workers would share it otherwise.
    opsAt: { path: opsPath, exclusive: true },
    beforePublic: (parts) => takeOver(parts, opsPath),
  });
  const { stop } = gateway;
  const drain: typeof stop.drain = async (bounds) => {
    await stop.drain(bounds);
    await handOverCounters(gateway);
  };
  handleSignals({ log: stop.log, drain }, () => void gateway.config.reload('SIGHUP'));
  fromPrimary((message) => {
    if ('tell' in message) tellPrimary({ told: stateOf(gateway) });
    if ('leave' in message) void drain({ handOver: true }).then(() => process.exit(process.exitCode ?? 0));
  });
  tellPrimary({ ready: true, publicUrl: gateway.publicUrl });
}

/** Waits for what operators have set on the others: the primary ends a worker that waits too long. */
async function takeOver(parts: OperatorsPart, opsPath: string): Promise<void> {
  const adopted = new Promise<WorkerState | null>((resolve) => {
    fromPrimary((message) => {
      if ('adopt' in message) resolve(message.adopt);
    });
  });
  tellPrimary({ standing: opsPath });
  const state = await adopted;
  if (state) adopt(parts, state);
}

function stateOf({ overrides, chaos }: OperatorsPart): WorkerState {
  return { overrides: overrides.list(), experiments: chaos.list() };
}

function adopt({ overrides, chaos }: OperatorsPart, state: WorkerState): void {
  for (const { provider, drained, weight, remainingMs } of state.overrides) {
    if (drained) overrides.drain(provider);
    if (weight !== undefined) overrides.setWeight(provider, weight, remainingMs);
  }
  // Also those of the file: they may be over on the others, or have been ended.
  chaos.stopAll();
  if (!chaos.enabled) return;
  for (const { id, fault, scope, percentage, seed, remainingMs, startedBy } of state.experiments) {
    chaos.start({ id, fault, scope, percentage, seed, ttlMs: remainingMs }, startedBy);
  }
}

async function handOverCounters(gateway: RunningGateway): Promise<void> {
  const heard = new Promise<void>((resolve) => {
    systemClock.after(HEARD_WITHIN_MS, resolve);
    fromPrimary((message) => {
      if ('heard' in message) resolve();
    });
  });
  tellPrimary({ lastWords: await gateway.metrics() });
  await heard;
}

function fromPrimary(listener: (message: ToWorker) => void): void {
  process.on('message', listener);
}

/** A primary that is gone takes its workers with it: nobody has to be told. */
function tellPrimary(message: FromWorker): void {
  process.send?.(message, undefined, undefined, () => undefined);
}
