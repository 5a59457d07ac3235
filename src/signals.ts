import { type GracefulStop } from './graceful-stop.js';
import { systemClock } from './kernel/clock.js';

/** A signal to a process group reaches us twice, through the launcher and directly: this close, it is one. */
const SAME_SIGNAL_MS = 1_000;

/** SIGTERM and SIGINT drain; a second one ends at once. SIGHUP reads the configuration again. */
export function handleSignals(stop: GracefulStop, reload: () => void): void {
  let first: number | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    const now = systemClock.now();
    if (first === undefined) {
      first = now;
      // Nobody routes to a terminal: there is no one to wait for.
      void stop.drain(signal === 'SIGINT' ? 0 : undefined).then(() => process.exit(0));
    } else if (now - first > SAME_SIGNAL_MS) process.exit(0);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  process.on('SIGHUP', reload);
}
