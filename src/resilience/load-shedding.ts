import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { type Server } from 'node:http';
import { ConfigStore } from '../config/config-store.js';
import { InFlightRequests } from '../http/in-flight-requests.js';
import { loadLevels, requestShed } from '../kernel/channels.js';
import { type Clock } from '../kernel/clock.js';
import { type GatewayError } from '../kernel/gateway-error.js';
import { type Priority } from '../kernel/snapshot.js';
import { CLOCK } from '../kernel/tokens.js';
import { LoadSampler } from './load-sampler.js';
import { memoryLimitBytes, ProcessLoad } from './process-load.js';
import { overloaded } from './queue-wait.js';
import { type Level, type LoadSample, sheds } from './shedding-level.js';

/** What the caller is told of the signal that sheds it, in `x-gateway-reason`. */
const REASONS: Readonly<Record<keyof LoadSample, string>> = {
  loopDelayMs: 'event_loop_delay',
  utilisation: 'event_loop_utilisation',
  memory: 'memory',
  inFlight: 'in_flight',
  sockets: 'sockets',
};

/** The level from which on answers are shortened where that is allowed. */
const DEGRADING = 2;

/** How loaded this process is, and whom it refuses for that at the door. */
@Injectable()
export class LoadShedding implements OnModuleInit, OnModuleDestroy {
  #load: ProcessLoad | undefined;
  #sampler: LoadSampler | undefined;
  #causes: readonly (keyof LoadSample)[] = [];
  #sockets = 0;
  readonly #counts = new Map<string, number>();

  constructor(
    private readonly config: ConfigStore,
    private readonly inFlight: InFlightRequests,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.#start();
    this.config.onSwap((current, previous) => {
      const [now, before] = [current.resilience.shedding, previous.resilience.shedding];
      if (JSON.stringify(now) === JSON.stringify(before)) return;
      this.#stop();
      this.#start();
    });
  }

  onModuleDestroy(): void {
    this.#stop();
  }

  /** 0 where shedding is off. */
  get level(): Level {
    return this.#sampler?.level ?? 0;
  }

  /** How long an answer may be that may be shortened, tokens; undefined below level 2. */
  get degradedMaxTokens(): number | undefined {
    return this.level >= DEGRADING ? this.config.current.resilience.shedding.degradedMaxTokens : undefined;
  }

  /** The signals that hold the level up; none at level 0. */
  get causes(): readonly (keyof LoadSample)[] {
    return this.#causes;
  }

  /** Requests refused at the door so far, by `reason priority`. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** Open connections of the public listener. */
  get connections(): number {
    return this.#sockets;
  }

  /** Memory that counts as 100 %, bytes. */
  get memoryLimitBytes(): number {
    return this.config.current.resilience.shedding.memoryLimitBytes ?? memoryLimitBytes();
  }

  /** Counts the connections of the public listener. */
  watch(server: Server): void {
    server.on('connection', (socket) => {
      this.#sockets++;
      socket.once('close', () => this.#sockets--);
    });
  }

  /**
   * The refusal of a request of this priority, or undefined where it may come in. `limits.maxInFlight` holds between
   * samples, too; critical requests pass it, for those before them were let in by a lesser right.
   */
  refusal(priority: Priority): GatewayError | undefined {
    const { level } = this;
    if (level > 1 && sheds(level, priority)) {
      const [cause] = this.#causes;
      return this.#refuse(cause ? REASONS[cause] : 'load', priority);
    }
    const { maxInFlight } = this.config.current.limits;
    if (priority !== 'critical' && this.inFlight.count >= maxInFlight) return this.#refuse('in_flight', priority);
    return undefined;
  }

  #refuse(reason: string, priority: Priority): GatewayError {
    requestShed.publish({ reason: reason === 'in_flight' ? 'in_flight' : 'level', priority });
    const key = `${reason} ${priority}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    return overloaded(reason, this.clock);
  }

  #start(): void {
    const { enabled, sampleMs, memoryLimitBytes: limit } = this.config.current.resilience.shedding;
    if (!enabled) return;
    this.#load = new ProcessLoad(limit ?? memoryLimitBytes(), () => {
      const { maxInFlight, maxConnections } = this.config.current.limits;
      return { inFlight: this.inFlight.count, maxInFlight, sockets: this.#sockets, maxSockets: maxConnections };
    });
    this.#sampler = new LoadSampler(this.clock, this.#load, sampleMs, (change) => {
      this.#causes = change.causes;
      loadLevels.publish(change);
    });
    this.#sampler.start();
  }

  #stop(): void {
    this.#sampler?.stop();
    this.#load?.close();
    this.#sampler = undefined;
    this.#load = undefined;
    this.#causes = [];
  }
}
