import { growFreely } from './v8-flags.js';
import 'reflect-metadata';
import cluster from 'node:cluster';
import { ConfigError } from './config/config-error.js';
import { loadEnvironment } from './config/env.js';
import { startGateway } from './gateway.js';
import { runPrimary } from './primary.js';
import { handleSignals } from './signals.js';
import { welcome } from './welcome.js';
import { runWorker } from './worker.js';

try {
  const environment = loadEnvironment();
  const hasDocs = environment.NODE_ENV !== 'production';
  if (cluster.isWorker) await runWorker(environment);
  else if (environment.WORKERS > 1) process.stderr.write(welcome(await runPrimary(environment), hasDocs));
  else {
    const gateway = await startGateway(environment);
    handleSignals(gateway.stop, () => void gateway.config.reload('SIGHUP'));
    process.stderr.write(welcome(gateway, hasDocs));
  }
  growFreely();
} catch (error) {
  if (!(error instanceof ConfigError) && !(error instanceof Error && 'code' in error)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
