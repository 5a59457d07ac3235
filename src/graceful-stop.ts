import { Server } from 'node:http';
import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { ConfigStore } from './config/config-store.js';
import { type Clock } from './kernel/clock.js';
import { type ProcessLogger } from './observability/logger.js';
import { ProviderCatalog } from './providers/catalog.js';
import { DrainState } from './resilience/drain-state.js';
import { InFlightRequests } from './http/in-flight-requests.js';

/** Time for error events to reach callers after the drain's deadline, ms. */
const LAST_WORDS_MS = 2_000;
/** Longest wait for listeners and stores to close; the process ends without them, ms. */
const CLOSED_WITHIN_MS = 5_000;

/** How long a drain takes, ms. */
export interface DrainBounds {
  readonly delayMs?: number;
  readonly timeoutMs?: number;
  /** Another process accepts on the same port: this one stops at once, and serves the connections that it has. */
  readonly handOver?: boolean;
}

/** Closes the listener and, unlike `http.Server`, no idle connection: a request may be on its way there. */
function stopAccepting(server: Server): void {
  const listener = Object.getPrototypeOf(Server.prototype) as Server;
  listener.close.call(server);
}

/** Ends a gateway without breaking what it serves: unready, wait, refuse, finish, close. */
export class GracefulStop {
  #stopping: Promise<void> | undefined;

  constructor(
    private readonly app: NestFastifyApplication,
    private readonly ops: NestFastifyApplication,
    readonly log: ProcessLogger,
    private readonly clock: Clock,
  ) {}

  /**
   * Resolves when everything is closed; later calls join the first.
   * @param bounds where not the configuration's: how long to go on serving while those who route to us notice, and
   * how long to wait for requests in flight
   */
  drain(bounds: DrainBounds = {}): Promise<void> {
    return (this.#stopping ??= this.#drain(bounds));
  }

  async #drain({ delayMs, timeoutMs, handOver }: DrainBounds): Promise<void> {
    const { drain } = this.app.get(ConfigStore).current.resilience;
    const state = this.app.get(DrainState);
    const inFlight = this.app.get(InFlightRequests);
    const { logger } = this.log;
    const waits = { delayMs: delayMs ?? drain.delayMs, timeoutMs: timeoutMs ?? drain.timeoutMs };
    logger.info({ inFlight: inFlight.count, ...waits }, 'draining');
    state.stopBeingReady();
    if (handOver) {
      state.leave();
      stopAccepting(this.app.getHttpServer());
    }
    await this.#passed(waits.delayMs);
    state.refuse();
    this.app.getHttpServer().close();
    this.app.getHttpServer().closeIdleConnections();
    await Promise.race([inFlight.idle(), this.#passed(waits.timeoutMs)]);
    const cutOff = inFlight.count;
    if (cutOff > 0) logger.warn({ cutOff }, 'drained');
    else logger.info({ cutOff }, 'drained');
    inFlight.abortAll();
    await Promise.race([inFlight.idle(), this.#passed(LAST_WORDS_MS)]);
    await this.close();
  }

  /** At once: connections are cut. */
  async close(): Promise<void> {
    this.app.getHttpServer().closeAllConnections();
    this.ops.getHttpServer().closeAllConnections();
    this.app.get(ProviderCatalog).network.close();
    const closed = Promise.allSettled([this.app.close(), this.ops.close()]);
    const late = this.#passed(CLOSED_WITHIN_MS).then(() => 'late');
    if ((await Promise.race([closed, late])) === 'late') {
      this.log.logger.warn({ withinMs: CLOSED_WITHIN_MS }, 'not closed in time');
    }
    await this.log.end();
  }

  #passed(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.clock.after(ms, resolve);
    });
  }
}
