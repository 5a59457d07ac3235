import cluster from 'node:cluster';
import { once } from 'node:events';
import { type AddressInfo } from 'node:net';
import { PrimaryOps } from './cluster/primary-ops.js';
import { WorkerPool } from './cluster/worker-pool.js';
import { type Environment } from './config/env.js';
import { systemClock } from './kernel/clock.js';

/** Where a gateway of several processes is. */
export interface RunningPrimary {
  readonly publicUrl: string;
  readonly opsUrl: string;
}

/**
 * Starts the workers, and the operations listener over all of them.
 * @throws WorkerFailed, or the error of a port that is taken
 */
export async function runPrimary(environment: Environment): Promise<RunningPrimary> {
  // Keeps undefined members, which JSON would drop.
  cluster.setupPrimary({ serialization: 'advanced' });
  const pool = new WorkerPool({
    clock: systemClock,
    fork: () => cluster.fork(),
    onGivenUp: () => giveUp(pool),
    onKilled: (id, afterMs) => process.stderr.write(`worker ${id} has not ended within ${afterMs} ms: it is killed\n`),
  });
  const restart = (): boolean => {
    if (pool.busy) return false;
    pool.restart().catch((error: unknown) => process.stderr.write(`the rolling restart stopped: ${String(error)}\n`));
    return true;
  };
  const { server } = new PrimaryOps(pool, systemClock, restart);
  handleSignals(pool, restart);
  await pool.start(environment.WORKERS);
  server.listen(environment.OPS_PORT, environment.OPS_HOST);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { publicUrl: pool.listening[0]?.publicUrl ?? '', opsUrl: `http://localhost:${port}` };
}

function giveUp(pool: WorkerPool): void {
  process.stderr.write('workers end faster than they may be replaced: the gateway ends\n');
  void pool.stop('SIGTERM').then(() => process.exit(1));
}

/** Workers drain as a single process does; a second signal ends them at once. */
function handleSignals(pool: WorkerPool, restart: () => boolean): void {
  const stop = (signal: NodeJS.Signals): void => void pool.stop(signal).then((code) => process.exit(code));
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on('SIGHUP', () => pool.signal('SIGHUP'));
  process.on('SIGUSR2', () => void restart());
}
