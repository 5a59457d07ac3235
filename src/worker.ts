import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FromWorker, type ToWorker } from './cluster/worker-messages.js';
import { adopt, type OperatorParts, stateOf, type WorkerState } from './cluster/worker-state.js';
import { type Environment } from './config/env.js';
import { type RunningGateway, startGateway } from './gateway.js';
import { systemClock } from './kernel/clock.js';
import { handleSignals } from './signals.js';

/** Longest wait for the primary to take over what was counted, ms. */
const HEARD_WITHIN_MS = 2_000;

/** One of several gateways on the same public port; the primary alone reaches its operations listener. */
export async function runWorker(environment: Environment): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-worker-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const opsPath = join(folder, 'ops.sock');
  const begun = await whatOthersHave({ begins: true });
  const gateway = await startGateway(environment, {
    configText: begun?.config.text,
    // Exclusive: workers would share it otherwise.
    opsAt: { path: opsPath, exclusive: true },
    beforePublic: (parts) => takeOver(parts, opsPath),
  });
  const { stop } = gateway;
  const drain: typeof stop.drain = async (bounds) => {
    await stop.drain(bounds);
    await handOverCounters(gateway);
    // Lines that came meanwhile.
    await stop.log.end();
  };
  handleSignals({ log: stop.log, drain }, () => void gateway.config.reload('SIGHUP'));
  fromPrimary((message) => {
    if ('tell' in message) tellPrimary({ told: stateOf(gateway), to: message.tell });
    if ('leave' in message) void drain({ handOver: true }).then(() => process.exit(process.exitCode ?? 0));
  });
  tellPrimary({ ready: true, publicUrl: gateway.publicUrl });
}

/** Serves only with what operators have set on the others. */
async function takeOver(parts: OperatorParts, opsPath: string): Promise<void> {
  const state = await whatOthersHave({ standing: opsPath });
  if (state) await adopt(parts, state);
}

/** The answer to `message`; null where no other worker serves. The primary ends a worker that waits too long. */
function whatOthersHave(message: FromWorker): Promise<WorkerState | null> {
  return new Promise((resolve) => {
    const listen = (answer: ToWorker): void => {
      if (!('adopt' in answer)) return;
      process.off('message', listen);
      resolve(answer.adopt);
    };
    fromPrimary(listen);
    tellPrimary(message);
  });
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
