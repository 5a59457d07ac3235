import { Inject, Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Environment } from '../../config/env.js';
import {
  attemptEnded,
  attemptStarted,
  breakerTransitions,
  requestEnded,
  requestOpened,
} from '../../kernel/channels.js';
import { type Clock } from '../../kernel/clock.js';
import { CLOCK } from '../../kernel/tokens.js';
import { type TracingSdk } from './otel-sdk.js';

/** How long the last spans may take at the end of the process, ms: a collector that hangs holds nobody up. */
const SHUTDOWN_MS = 2_000;
/** An exporter that complains is heard once in this time, ms. */
const COMPLAINT_EVERY_MS = 60_000;
const SERVICE_NAME = 'sre-inference-gateway';

/** Traces of requests, where the environment names a collector; without one nothing is loaded and nobody listens. */
@Injectable()
export class Tracing implements OnModuleInit, OnApplicationShutdown {
  readonly #logger = new Logger('Tracing');
  #sdk: TracingSdk | undefined;
  #unsubscribe: (() => void)[] = [];
  #quietUntil = -Infinity;

  constructor(
    private readonly environment: Environment,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async onModuleInit(): Promise<void> {
    const { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_SDK_DISABLED, OTEL_SERVICE_NAME } =
      this.environment;
    if (OTEL_SDK_DISABLED || !(OTEL_EXPORTER_OTLP_ENDPOINT ?? OTEL_EXPORTER_OTLP_TRACES_ENDPOINT)) return;
    const [{ startTracingSdk }, { RequestTracer }] = await Promise.all([
      import('./otel-sdk.js'),
      import('./request-tracer.js'),
    ]);
    this.#sdk = startTracingSdk(OTEL_SERVICE_NAME ?? SERVICE_NAME, (message) => {
      this.#complain(message);
    });
    const tracer = new RequestTracer(this.#sdk.tracer, this.clock);
    this.#unsubscribe = [
      requestOpened.subscribe((ctx) => {
        tracer.opened(ctx);
      }),
      attemptStarted.subscribe((fact) => {
        tracer.attemptStarted(fact);
      }),
      attemptEnded.subscribe((fact) => {
        tracer.attemptEnded(fact);
      }),
      breakerTransitions.subscribe((fact) => {
        tracer.breakerChanged(fact);
      }),
      requestEnded.subscribe((ctx) => {
        tracer.ended(ctx);
      }),
    ];
  }

  async onApplicationShutdown(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    if (!this.#sdk) return;
    const sent = this.#sdk.shutdown().catch(() => undefined);
    await Promise.race([
      sent,
      new Promise<void>((resolve) => {
        this.clock.after(SHUTDOWN_MS, resolve);
      }),
    ]);
  }

  #complain(message: string): void {
    const now = this.clock.now();
    if (now < this.#quietUntil) return;
    this.#quietUntil = now + COMPLAINT_EVERY_MS;
    this.#logger.warn({ msg: 'traces are not taken', reason: message.slice(0, 500) });
  }
}
