import { type DrainBounds, type GracefulStop } from './graceful-stop.js';
import { systemClock } from './kernel/clock.js';

/** A signal to a process group reaches us twice, through the launcher and directly: this close, it is one. */
const SAME_SIGNAL_MS = 1_000;
/** What is in flight when the process can no longer be trusted may end within this, ms. */
const FATAL_DRAIN_MS = 5_000;

/** SIGTERM and SIGINT drain; a second one ends at once. SIGHUP reads the configuration again. A failure that nobody handled drains briefly and exits 1. */
export function handleSignals(stop: Pick<GracefulStop, 'drain' | 'log'>, reload: () => void): void {
  const exit = (): never => process.exit(process.exitCode ?? 0);
  const drainAndExit = (bounds: DrainBounds): void => {
    const failed = (error: unknown): void => {
      process.exitCode = 1;
      stop.log.logger.fatal({ err: error }, 'the drain failed');
    };
    void stop.drain(bounds).catch(failed).finally(exit);
  };
  let first: { readonly signal: NodeJS.Signals; readonly at: number } | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    const now = systemClock.now();
    if (first === undefined) {
      first = { signal, at: now };
      // Nobody routes to a terminal: there is no one to wait for.
      drainAndExit(signal === 'SIGINT' ? { delayMs: 0 } : {});
    } else if (signal !== first.signal || now - first.at > SAME_SIGNAL_MS) {
      void stop.log.end().finally(exit);
    }
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  process.on('SIGHUP', reload);
  const onFailure = (kind: string) => (error: unknown) => {
    const again = process.exitCode === 1;
    // Set first: a drain that a signal began ends with it, too.
    process.exitCode = 1;
    stop.log.logger.fatal({ err: error }, kind);
    if (again) return;
    drainAndExit({ delayMs: 0, timeoutMs: FATAL_DRAIN_MS });
  };
  process.on('uncaughtException', onFailure('uncaught exception'));
  process.on('unhandledRejection', onFailure('unhandled rejection'));
}
