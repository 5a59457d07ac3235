import { diag, DiagLogLevel, trace, type Tracer } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';

/** A running SDK. */
export interface TracingSdk {
  readonly tracer: Tracer;
  /** Sends what waits; may take as long as the collector does. */
  shutdown(): Promise<void>;
}

/**
 * Starts OpenTelemetry's SDK with a tracer alone: exporter, sampler and the bounded queue are those of the `OTEL_`
 * variables. This file is imported only where traces are wanted.
 * @param onProblem told what the exporter complains of
 */
export function startTracingSdk(serviceName: string, onProblem: (message: string) => void): TracingSdk {
  const ignore = (): void => undefined;
  diag.setLogger(
    { error: onProblem, warn: onProblem, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: DiagLogLevel.WARN },
  );
  const sdk = new NodeSDK({
    serviceName,
    instrumentations: [],
    metricReaders: [],
    logRecordProcessors: [],
    textMapPropagator: null,
  });
  sdk.start();
  return { tracer: trace.getTracer('sre-inference-gateway'), shutdown: () => sdk.shutdown() };
}
